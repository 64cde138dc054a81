"""Fixtures: a fresh database of each kind for every test, copied from one that was migrated once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from uuid import uuid4

import pytest
from sqlalchemy import Engine, make_url

from models.migrate import upgrade
from models.session import open_engine
from tests.lent_databases import Shelf, on_server

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)]
NEW = "template0"
_SHELVES: dict[tuple[str, str], Shelf] = {}


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("databases") / "template.sqlite"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[str]:
    with postgres_database(postgres_url) as url:
        _migrate(url)
        yield make_url(url).database or ""


@pytest.fixture(params=KINDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.sqlite"
        return
    with postgres_database(request.getfixturevalue("postgres_url")) as url:
        yield url


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with the migrated schema and no rows."""
    if request.param == "sqlite":
        copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "test.sqlite")
        yield f"sqlite:///{tmp_path}/test.sqlite"
        return
    template = request.getfixturevalue("postgres_template")
    with postgres_database(request.getfixturevalue("postgres_url"), template) as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def _migrate(url: str) -> None:
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()


@contextmanager
def postgres_database(server: str, template: str = NEW) -> Iterator[str]:
    """A database of its own: new, or with what a template holds."""
    url = make_url(server).set(drivername="postgresql+psycopg")
    if not template.startswith(NEW):
        with _SHELVES.setdefault((server, template), Shelf(url, template)).lend() as lent:
            yield lent
        return
    name = f"test_{uuid4().hex}"
    on_server(url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        on_server(url, f"DROP DATABASE {name} WITH (FORCE)")
