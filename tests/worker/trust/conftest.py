"""What the tests of attacks ask for: a database of their own with mail sent, and the tokens in its links."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from sqlalchemy import Engine

from models.session import open_engine
from tests.worker.trust.receiving import furnished


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A database with mail sent to four people, and the tokens of links."""
    path = tmp_path_factory.mktemp("trust") / "world.sqlite"
    copyfile(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    tokens = furnished(engine)
    engine.dispose()
    return path, tokens


@pytest.fixture
def engine(world: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Engine]:
    copyfile(world[0], tmp_path / "world.sqlite")
    engine = open_engine(f"sqlite:///{tmp_path}/world.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture
def tokens(world: tuple[Path, dict[str, str]]) -> dict[str, str]:
    return world[1]
