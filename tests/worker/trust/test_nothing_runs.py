"""A stranger's mail that wants to break its reader: nothing in it is fetched, opened, run or answered."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from models.session import open_engine, reading
from models.tables.mail import InboundMessage, MessageState
from tests.worker.trust.attacks import FORGED
from tests.worker.trust.bombs import BOMBS
from tests.worker.trust.receiving import alone, banned, furnished, receive

QUIET = {"judged", "unmatched"}


def test_whoever_reaches_out_is_seen() -> None:
    with pytest.raises(AssertionError, match="Popen"), alone():
        subprocess.run([sys.executable, "-c", ""], check=True)


class _NoneOfMail(zipfile.ZipFile):
    """An archive of our own, from a file; whoever opens one from a mail fails, and the mail is set aside."""

    def __init__(self, file: Any, *more: Any, **options: Any) -> None:
        assert not isinstance(file, io.BytesIO)
        super().__init__(file, *more, **options)


@pytest.mark.parametrize("what", BOMBS)
def test_nothing_in_a_mail_is_opened_run_or_answered(
    engine: Engine, tokens: dict[str, str], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZipFile", _NoneOfMail)
    with alone():
        receive(engine, tokens, BOMBS[what])
    with reading(engine) as session:
        assert {state.value for state in session.scalars(select(InboundMessage.state))} <= QUIET
    assert banned(engine) == set()


def test_all_attacks_in_one_batch_ban_nobody_on_either_database(database_url: str) -> None:
    engine = open_engine(database_url)
    try:
        tokens = furnished(engine)
        receive(engine, tokens, *FORGED.values(), *BOMBS.values())
        assert banned(engine) == set()
        with reading(engine) as session:
            aside = select(func.count()).where(InboundMessage.state == MessageState.SET_ASIDE)
            assert session.scalar(aside) == 0
    finally:
        engine.dispose()
