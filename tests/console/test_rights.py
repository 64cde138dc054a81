"""Each page and endpoint tried by each role, by each scope, by another team, and by another site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from fastapi.routing import APIRoute
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import text

from console.api.frame import Asks
from console.app import API, PAGES
from console.rights import OF_ROLE, May, of_scopes
from console.visitor import Needs
from models.base import Base
from models.events import Status
from models.session import open_engine, reading, transaction
from models.tables.handling import MailboxRequest, Wish
from models.tables.learning import Label, LabelSource
from models.tables.outside import WebhookEndpoint
from models.tables.people import BulkAct, Role, Team
from tests.console.conftest import OURS, THEIRS, Console
from tests.console.visiting import Browser
from tests.journey.world import EndState, end_state
from tests.worker.small_world import HARD, NOW, a_mail, a_reply, furnish, send_all, take_in
from worker.people.api_tokens import SCOPES

OPEN = {"GET /sign-in", "POST /sign-in", "GET /sign-in/provider", "GET /sign-in/callback"}
"""What anybody may ask for."""
VALUES = {
    "recipient_id": "1",
    "contact_id": "1",
    "user_id": "1",
    "mailbox_id": "1",
    "message_id": "1",
    "item_id": "1",
    "request_id": "1",
    "endpoint_id": "1",
    "address": "anna@client.example",
    "name": "sender",
    "bulk_id": "1",
    "label_id": "1",
    "delivery_id": "1",
    "campaign": "campaign-1",
    "version": "default",
    "review_id": "1",
}
"""What stands in the place of the ids of the first team."""


def routes(modules: object) -> list[tuple[str, str, APIRoute]]:
    return [
        (method, route.path, route)
        for module in modules  # type: ignore[attr-defined]
        for route in module.router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods - {"HEAD"})
    ]


PAGE_ROUTES, API_ROUTES = routes(PAGES), routes(API)


def asked_right(route: APIRoute, kind: type[Needs | Asks]) -> May | None:
    found = [each.call.may for each in route.dependant.dependencies if isinstance(each.call, kind)]
    assert len(found) <= 1, f"{route.path} asks twice"
    return found[0] if found else None


def filled(path: str) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: VALUES[found[1]], path)


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Two teams; of the first a mail came back that a person is asked about, and one that banned somebody."""
    path = tmp_path_factory.mktemp("rights") / "test.sqlite"
    copyfile(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    furnish(engine)
    with transaction(engine) as session:
        session.add(Team(id=THEIRS, name="theirs"))
    send_all(engine)
    links = ("anna-1-0@us",)
    take_in(engine, a_mail(a_reply(sure=False), links=links, from_address="anna@client.example"))
    take_in(engine, a_mail(HARD, links=("anna-2-1@us",)))
    with transaction(engine) as session:
        session.add_all(rows_of_ours())
    yield Console(engine)
    engine.dispose()


def rows_of_ours() -> list[Base]:
    """Return one row of everything else that has an id."""
    of_team = {"team_id": OURS, "recorded_at": NOW}
    label = {"text": "Yes.", "language": "en", "label": Status.INTERESTED, "source": LabelSource.REVIEW}
    return [
        MailboxRequest(id=1, mailbox_id=1, wish=Wish.CHECK, actor="petra", recorded_at=NOW),
        BulkAct(id=1, actor="petra", kind="status", says="set one recipient to Interested", targets=["1"], **of_team),
        Label(id=1, key="key", text_key="text", subject="campaign-1", **label, **of_team),
        WebhookEndpoint(id=1, name="crm", url="https://crm.example/campaign-1", secret="", **of_team),
    ]


@pytest.fixture(scope="module")
def people(world: Console) -> dict[Role | int, Browser]:
    signed_in: dict[Role | int, Browser] = {role: Browser(world).sign_in(role) for role in Role}
    signed_in[THEIRS] = Browser(world).sign_in(Role.ADMIN, THEIRS)
    return signed_in


@pytest.fixture(scope="module")
def tokens(world: Console) -> dict[str, str]:
    return {scope: world.token(OURS, scope, [scope]) for scope in SCOPES} | {
        "theirs": world.token(THEIRS, "theirs", SCOPES)
    }


@pytest.mark.parametrize(("method", "path", "route"), PAGE_ROUTES, ids=[f"{m} {p}" for m, p, _ in PAGE_ROUTES])
def test_a_page_is_only_for_those_who_have_its_right(
    people: dict[Role | int, Browser], world: Console, method: str, path: str, route: APIRoute
) -> None:
    may = asked_right(route, Needs)
    if f"{method} {path}" in OPEN:
        assert may is None
        return
    assert may is not None, "it asks for no right"
    here = filled(path)
    assert Browser(world).raw(method, here).status_code == 303, "nobody is signed in"
    for role in Role:
        if may not in OF_ROLE[role]:
            before = end_state(world.engine)
            assert people[role].raw(method, here, csrf=True).status_code == 403, role
            assert end_state(world.engine) == before
        elif method == "GET":
            assert people[role].raw(method, here).status_code in {200, 303, 404, 409, 422}, role


GETS = [path for method, path, _ in PAGE_ROUTES if method == "GET"]


@pytest.mark.parametrize("path", GETS)
def test_a_page_brings_nothing_but_our_own_files(people: dict[Role | int, Browser], path: str) -> None:
    answer = people[Role.ADMIN].raw("GET", filled(path))
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    for each in LexborHTMLParser(answer.text).css("*"):
        assert "style" not in each.attributes, each.html
        assert not [name for name in each.attributes if name.startswith(("on", "hx-on"))], each.html
        assert each.tag != "style"
        assert each.tag != "script" or str(each.attributes["src"]).startswith("/static/")


POSTS = [(path, route) for method, path, route in PAGE_ROUTES if method == "POST" and path != "/sign-in"]


@pytest.mark.parametrize(("path", "route"), POSTS, ids=[path for path, _ in POSTS])
def test_another_site_changes_nothing(
    people: dict[Role | int, Browser], world: Console, path: str, route: APIRoute
) -> None:
    del route
    before = end_state(world.engine)
    admin = people[Role.ADMIN]
    assert admin.raw("POST", filled(path)).status_code == 403, "without the token"
    elsewhere = {"sec-fetch-site": "cross-site"}
    assert admin.raw("POST", filled(path), csrf=True, headers=elsewhere).status_code == 403, "from another site"
    assert end_state(world.engine) == before


OF_ALL = "{version}"
"""Classifiers belong to the whole installation."""
OF_OURS = [(m, p, r) for m, p, r in PAGE_ROUTES if "{" in p and OF_ALL not in p]


@pytest.mark.parametrize(("method", "path", "route"), OF_OURS, ids=[f"{m} {p}" for m, p, _ in OF_OURS])
def test_another_team_sees_and_changes_nothing_of_ours(
    people: dict[Role | int, Browser], world: Console, method: str, path: str, route: APIRoute
) -> None:
    del route
    before = everything(world)
    answer = people[THEIRS].raw(method, filled(path), csrf=method == "POST")
    assert answer.status_code in {404, 409, 422}, answer.text
    assert "campaign-1" not in answer.text
    assert everything(world) == before


@pytest.mark.parametrize(("method", "path", "route"), API_ROUTES, ids=[f"{m} {p}" for m, p, _ in API_ROUTES])
def test_an_endpoint_is_only_for_tokens_with_its_scope(
    tokens: dict[str, str], world: Console, method: str, path: str, route: APIRoute
) -> None:
    may = asked_right(route, Asks)
    assert may is not None, "it asks for no right"
    here = filled(path)
    assert world.ask(method, here).status_code == 401
    for scope in SCOPES:
        if may not in of_scopes([scope]):
            before = everything(world)
            assert world.ask(method, here, tokens[scope]).status_code in {403, 422}, scope
            assert everything(world) == before
    if "{" in path and OF_ALL not in path:
        before = everything(world)
        answer = world.ask(method, here, tokens["theirs"])
        assert answer.status_code in {404, 409, 422}, answer.text
        assert "campaign-1" not in answer.text
        assert everything(world) == before


def everything(world: Console) -> tuple[EndState, list[tuple[object, ...]]]:
    """Return all that could have been changed, users and mailboxes included."""
    with reading(world.engine) as session:
        rows = [
            tuple(row)
            for table in ("console_user", "mailbox", "label", "webhook_endpoint", "automation_rule", "bulk_act")
            for row in session.execute(text(f"SELECT * FROM {table}"))  # noqa: S608 - names of our own tables
        ]
    return end_state(world.engine), rows
