"""The tables of the job engine come with a migration where it is installed, and are missed by whoever needs them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from models.job_engine import has_it
from models.migrate import upgrade
from models.revision import is_current
from models.session import open_engine, reading
from tests.databases import postgres_database
from tests.worker.commanding import said

pytestmark = pytest.mark.server


def has(engine: Engine) -> bool:
    with reading(engine) as session:
        return has_it(session.connection())


def test_they_come_with_the_migration_after_the_engine_was_installed(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with postgres_database(postgres_url) as url:
        engine = open_engine(url)
        with monkeypatch.context() as not_installed:
            not_installed.setitem(sys.modules, "procrastinate", None)
            upgrade(engine)
        assert (is_current(engine), has(engine)) == (True, False)
        for words in (["worker"], ["train", "--on-worker"]):
            refused = said(words, env={"INBOX_DATABASE_URL": url})
            assert (refused.code, "inbox-worker migrate" in refused.err) == (1, True), words
        upgrade(engine)
        assert has(engine)
        upgrade(engine)
        engine.dispose()


def test_a_sqlite_file_has_none(sqlite_template: Path) -> None:
    engine = open_engine(f"sqlite:///{sqlite_template}")
    assert (is_current(engine), has(engine)) == (True, False)
    engine.dispose()
