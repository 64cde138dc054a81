"""The webhooks pages: endpoints made, changed, tried, paused and removed; deliveries looked at and sent again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook

from models.session import reading, transaction
from models.tables.outside import Delivery, DeliveryState, EventType, OutboxEvent, WebhookEndpoint
from models.tables.people import Role
from tests.console.conftest import OURS, THEIRS, Console
from tests.console.visiting import Browser
from tests.keys import SECRET_KEY
from tests.worker.receiver import Heard, Receiver, Say, receiving
from tests.worker.small_world import NOW

PENDING, DELIVERED, DEAD = DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.DEAD


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture(autouse=True)
def a_key(console: Console) -> None:
    console.settings["secret_keys"] = SECRET_KEY


def add(browser: Browser, url: str = "http://127.0.0.1:9/", **more: Any) -> str:
    """Add the endpoint and return its secret."""
    page = browser.done("/webhooks/add", {"name": "crm", "url": url, "allow_private": "true", **more})
    return page.css_first(".notice .hook-name").text()


def deliver(console: Console, states: Sequence[DeliveryState], subject: str = "anna@client.example") -> None:
    """Let events be on their way to the endpoint, the later ones behind the earlier ones."""
    with transaction(console.engine) as session:
        endpoint_id = session.scalars(select(WebhookEndpoint.id)).one()
        for number, state in enumerate(states):
            at = NOW + timedelta(minutes=number)
            event = OutboxEvent(
                team_id=OURS, type=EventType.DNE_ADDED, subject=subject, payload={"target": subject}, recorded_at=at
            )
            session.add(event)
            session.flush()
            error = None if state is DELIVERED else f"HTTP 503: <b>{number}</b>"
            session.add(
                Delivery(
                    endpoint_id=endpoint_id, event_id=event.id, subject=subject, state=state, attempts=3,
                    next_attempt_at=at, last_error=error,
                )
            )  # fmt: skip


def is_signed(heard: Heard, secret: str) -> bool:
    return Webhook(secret).sign(heard.id, NOW, heard.body.decode()) in heard.headers["webhook-signature"].split()


def states(console: Console) -> list[DeliveryState]:
    with reading(console.engine) as session:
        return list(session.scalars(select(Delivery.state).order_by(Delivery.event_id)))


def shown(browser: Browser, path: str = "/webhooks/1") -> list[str]:
    """Return the numbers of the events that a page shows."""
    rows = browser.page(path).css(".delivery th .sub:first-of-type")
    return [each.text().rpartition("event ")[2].strip() for each in rows]


def test_the_secret_of_a_new_endpoint_is_shown_once_and_signs_a_test(browser: Browser, receiver: Receiver) -> None:
    browser.sign_in()
    secret = add(browser, receiver.url, types=["dne.added", "dne.lifted"])
    assert secret.startswith("whsec_")
    assert browser.said("/webhooks/1/test") == "crm took the test: HTTP 204"
    (heard,) = receiver.heard
    assert heard.told["data"] == {"endpoint": "crm"}
    assert is_signed(heard, secret)
    for path in ("/webhooks", "/webhooks/1"):
        answer = browser.get(path)
        assert secret not in answer.text
        assert "dne.added, dne.lifted" in answer.text
    receiver.answer = lambda _: Say(503, {}, b"<i>being mended</i>")
    told = browser.done("/webhooks/1/test").css_first(".said.wrong p")
    assert told.text() == "crm did not take it: HTTP 503: <i>being mended</i>"


def test_after_a_rotation_both_secrets_sign(browser: Browser, receiver: Receiver) -> None:
    browser.sign_in()
    old = add(browser, receiver.url)
    new = browser.done("/webhooks/1/rotate").css_first(".notice .hook-name").text()
    browser.done("/webhooks/1/test")
    for secret in {old, new}:
        assert is_signed(receiver.heard[0], secret)
    assert new != old


REFUSED = [
    (
        {"url": "https://127.0.0.1/"},
        "no address of the public internet; if it is in a network of your own, tick",
    ),
    ({"url": "http://hook.example/"}, "use https"),
    ({"url": "https://a:b@hook.example/", "allow_private": "true"}, "user name or password"),
    ({"name": " crm", "url": "http://127.0.0.1/", "allow_private": "true"}, "no name of an endpoint"),
]


def test_an_endpoint_that_could_not_be_reached_is_refused(browser: Browser) -> None:
    browser.sign_in()
    for fields, says in REFUSED:
        answer = browser.post("/webhooks/add", {"name": "crm"} | fields)
        assert (answer.status_code, says in answer.text) == (409, True)
    assert "No endpoints yet" in browser.get("/webhooks").text


def test_without_a_key_no_secret_is_made(console: Console, browser: Browser) -> None:
    browser.sign_in()
    del console.settings["secret_keys"]
    browser = Browser(console).sign_in()
    answer = browser.post("/webhooks/add", {"name": "crm", "url": "http://127.0.0.1/", "allow_private": "true"})
    assert (answer.status_code, "there is no key" in answer.text) == (409, True)


def test_an_endpoint_is_changed_under_the_same_guard(browser: Browser, receiver: Receiver) -> None:
    browser.sign_in()
    add(browser, types=["dne.added"])
    refused = browser.post("/webhooks/1/change", {"url": "https://127.0.0.1/"})
    assert (refused.status_code, "no address of the public internet" in refused.text) == (409, True)
    browser.done("/webhooks/1/change", {"url": receiver.url, "allow_private": "true"})
    assert "everything" in browser.page("/webhooks/1").css_first(".facts").text()
    browser.done("/webhooks/1/test")
    assert len(receiver.heard) == 1


def test_a_pause_can_be_taken_back(browser: Browser) -> None:
    browser.sign_in()
    add(browser)
    page = browser.done("/webhooks/1/pause")
    assert "crm is paused" in page.css_first(".said p").text()
    assert page.css_first("h1 + .chip").text() == "paused"
    undo = str(page.css_first(".said form").attributes["action"])
    assert browser.done(undo).css_first("h1 + .chip").text() == "active"


def test_the_list_says_what_waits_and_what_was_given_up(
    console: Console, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.views.webhooks.COUNTED", 2)
    browser.sign_in()
    add(browser)
    deliver(console, [PENDING, DEAD, DEAD, DEAD, DELIVERED])
    row = browser.page("/webhooks").css_first("tbody tr")
    assert [each.text(strip=True) for each in row.css("td.number")] == ["waiting1", "given upmore than 2"]
    assert "Last error: HTTP 503: <b>3</b>" in row.text()


def test_deliveries_come_in_pages_by_state_and_show_what_is_told(
    console: Console, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.views.webhooks.LIMIT", 2)
    browser.sign_in()
    add(browser)
    deliver(console, [DEAD, DELIVERED, DEAD, PENDING, DEAD], "<script>@client.example")
    for path, pages in (
        ("/webhooks/1", [["5", "4"], ["3", "2"], ["1"]]),
        ("/webhooks/1?state=dead", [["5", "3"], ["1"]]),
        ("/webhooks/1?state=delivered", [["2"]]),
    ):
        found, following = [], path
        while following:
            found.append(shown(browser, following))
            page = browser.page(following)
            next_ = page.css_first("a[rel=next]")
            following = str(next_.attributes["href"]) if next_ else ""
            assert not page.css("main script")
            assert '"target": "<script>@client.example"' in page.css_first("pre").text()
        assert found == pages
    assert browser.get("/webhooks/1?after=broken").status_code == 409


def test_one_event_or_all_that_was_given_up_goes_out_again(console: Console, browser: Browser) -> None:
    browser.sign_in()
    add(browser)
    deliver(console, [DEAD, DELIVERED, DEAD, DEAD])
    assert browser.said("/webhooks/1/replay", {"event": "2"}) == "Event 2 goes out again."
    assert states(console) == [DEAD, PENDING, DEAD, DEAD]
    refused = browser.post("/webhooks/1/replay", {"event": "2"})
    assert (refused.status_code, "waits to be sent already" in refused.text) == (409, True)
    assert browser.said("/webhooks/1/replay") == "3 events go out again."
    assert states(console) == [PENDING] * 4


def test_an_endpoint_goes_with_what_waits_for_it(console: Console, browser: Browser) -> None:
    browser.sign_in()
    add(browser)
    deliver(console, [PENDING])
    assert browser.said("/webhooks/1/remove") == "crm is removed; the events themselves stay."
    assert states(console) == []


SECRET_URL = "https://hooks.slack.com/services/T0/canary?key=canary"
ERRORS = [
    ("HTTP 404: no canary here", "HTTP 404"),
    (f"{SECRET_URL!r} is no URL of an endpoint", "https://hooks.slack.com/... is no URL"),
    ("no answer within 15 s", "no answer within 15 s"),
]


def test_only_admins_see_urls_as_these_let_anybody_send_there(console: Console, browser: Browser) -> None:
    browser.sign_in()
    add(browser)
    deliver(console, [DEAD])
    token = console.token(OURS, "reader", ["view"])
    whole = console.token(OURS, "ci", ["admin"])
    for error, left in ERRORS:
        with transaction(console.engine) as session:
            session.scalars(select(WebhookEndpoint)).one().url = SECRET_URL
            session.scalars(select(Delivery)).one().last_error = error
        browser.sign_in(Role.VIEWER)
        for path in ("/webhooks", "/webhooks/1"):
            page = browser.get(path).text
            assert ("canary" in page, "https://hooks.slack.com/..." in page, left in page) == (False, True, True)
        assert SECRET_URL in browser.sign_in().get("/webhooks").text
        for path in ("/v1/webhooks", "/v1/webhooks/1/deliveries"):
            told = console.ask("GET", path, token)
            assert ("canary" in told.text, left in told.text) == (False, True)
            assert console.ask("GET", path, whole).json()["rows"][0]["last_error"] == error


def test_viewers_change_nothing_and_other_teams_see_nothing(console: Console, browser: Browser) -> None:
    browser.sign_in()
    add(browser)
    deliver(console, [DEAD])
    browser.sign_in(Role.VIEWER)
    assert shown(browser) == ["1"]
    assert not browser.page("/webhooks/1").css("main form[method=post]")
    theirs = Browser(console).sign_in(Role.ADMIN, THEIRS)
    assert "No endpoints yet" in theirs.get("/webhooks").text
    assert theirs.get("/webhooks/1").status_code == 404
    for act in ("pause", "resume", "rotate", "test", "replay", "remove"):
        assert theirs.post(f"/webhooks/1/{act}").status_code == 404, act
    assert theirs.post("/webhooks/1/change", {"url": "http://127.0.0.1/", "allow_private": "true"}).status_code == 404
    assert states(console) == [DEAD]
