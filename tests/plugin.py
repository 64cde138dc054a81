"""What every test may ask for: the private servers, each started when the first test wants it and stopped at the end.

With several pytest processes each has servers of its own. A server that is not installed fails the tests that need it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import settings

from tests.servers import PrivateCyrus, PrivateDovecot, PrivatePostgres, PymapServer, ServerMissingError

pytest_plugins = ["tests.databases", "tests.quick_passwords"]

_numbers = count(1)

# A test that fails on a busy machine says nothing of the product; how fast it is is measured in bench/.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


# The search for garbage among thousands of tests, and all that they load, took a fifth of their time.
gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[PrivateDovecot]:
    """A Dovecot; let each test use user names of its own."""
    try:
        with PrivateDovecot() as server:
            yield server
    except ServerMissingError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def cyrus() -> Iterator[PrivateCyrus]:
    """A Cyrus, for what must not hold on Dovecot alone."""
    try:
        with PrivateCyrus() as server:
            yield server
    except ServerMissingError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def pymap() -> Iterator[PymapServer]:
    """The server inside the demo, in a process of its own."""
    with PymapServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    """A PostgreSQL; `create_database` gives a test one of its own."""
    try:
        with PrivatePostgres() as server:
            yield server
    except ServerMissingError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def postgres_url(postgres: PrivatePostgres) -> str:
    """The SQLAlchemy URL of one empty PostgreSQL database."""
    return postgres.create_database("inbox_worker")


@pytest.fixture
def imap_user() -> str:
    """The name of a mailbox that no other test has touched."""
    return f"user{next(_numbers)}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put fast tests first, then journeys, and what else needs a server last.

    A journey takes as long as a hundred other tests. Were it the last, one process would wait for the other. Of the
    journeys those that stay together on one process begin first, so that the others run beside them.
    """
    items.sort(key=_turn)


def pytest_collection_finish() -> None:
    """Leave what stays to the end out of each further search for garbage."""
    gc.collect()
    gc.freeze()


def _turn(item: pytest.Item) -> int:
    if "journey" in item.nodeid:
        return 1 if item.get_closest_marker("xdist_group") else 2
    return 3 if item.get_closest_marker("server") else 0
