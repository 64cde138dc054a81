"""The console in a browser: one installation, one console and one browser for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from models.tables.people import Role
from tests.console.installation import HostileInstallation, Visits, chromium


@pytest.fixture(scope="package")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visits]:
    with chromium(HostileInstallation(tmp_path_factory.mktemp("console"))) as opened:
        yield opened


@pytest.fixture(autouse=True)
def quiet(visits: Visits) -> Iterator[None]:
    """No page may complain: of a script that fails, or of something the security policy forbids."""
    visits.complaints.clear()
    yield
    assert visits.complaints == []


@pytest.fixture
def admin(visits: Visits) -> Page:
    return visits.of(Role.ADMIN)


@pytest.fixture
def editor(visits: Visits) -> Page:
    return visits.of(Role.EDITOR)
