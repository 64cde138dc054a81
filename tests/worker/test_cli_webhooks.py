"""The endpoints of other systems, as a person adds, tries, looks at and removes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update
from standardwebhooks.webhooks import Webhook

from models.session import reading, transaction
from models.tables.outside import Delivery, DeliveryState, EventType
from tests.worker.commanding import Commands
from tests.worker.receiver import Receiver, Say, receiving
from worker.secrets.vault import new_key
from worker.writing.outbox import Told, tell


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def add(run: Commands, receiver: Receiver, *more: str) -> str:
    return run.done("webhooks", "add", "crm", receiver.url, "--allow-private", *more).out.strip()


def happen(run: Commands, *subjects: str) -> None:
    run.done("migrate")
    with run.database() as engine, transaction(engine) as session:
        told = [Told(EventType.DNE_ADDED, subject, {"target": subject}) for subject in subjects]
        tell(session, 1, told, datetime.now(UTC))


def test_adding_shows_the_secret_once_and_a_test_is_signed_with_it(run: Commands, receiver: Receiver) -> None:
    secret = add(run, receiver)
    assert secret.startswith("whsec_")
    assert run.done("webhooks", "test", "crm").out == "crm: HTTP 204\n"
    (heard,) = receiver.heard
    told = Webhook(secret).verify(heard.body, dict(heard.headers))
    assert (told["type"], told["data"]) == ("ping", {"endpoint": "crm"})
    assert secret not in run.done("webhooks", "list", "--json").out


def test_a_test_that_fails_says_what_came_back(run: Commands, receiver: Receiver) -> None:
    add(run, receiver)
    receiver.answer = lambda _: Say(503, {}, b"being \x1b[2Jmended")
    said = run("webhooks", "test", "crm")
    assert (said.code, said.out) == (1, "crm: HTTP 503: being  [2Jmended\n")


@pytest.mark.parametrize(
    ("url", "more", "complaint"),
    [
        ("https://127.0.0.1/", [], "no address of the public internet; if it is in a network of your own"),
        ("http://hook.example/", [], "use https"),
        ("https://no-such-host.invalid/", [], "no-such-host.invalid does not resolve"),
        ("https://a:b@hook.example/", ["--allow-private"], "user name or password"),
    ],
)
def test_an_endpoint_that_could_not_be_reached_is_refused_at_once(
    run: Commands, url: str, more: list[str], complaint: str
) -> None:
    said = run("webhooks", "add", "crm", url, *more)
    assert said.code == 1
    assert complaint in said.err
    assert run.done("webhooks", "list").out == ""


def test_a_name_is_taken_once_and_a_wrong_one_is_told(run: Commands, receiver: Receiver) -> None:
    add(run, receiver)
    assert "crm is there already" in run("webhooks", "add", "crm", receiver.url, "--allow-private").err
    assert "no name of an endpoint" in run("webhooks", "add", "c\nrm", receiver.url, "--allow-private").err
    for words in (["test"], ["pause"], ["resume"], ["rotate"], ["deliveries"], ["remove", "--yes"]):
        said = run("webhooks", words[0], "erp", *words[1:])
        assert said.code == 1
        assert "no endpoint 'erp' (there are: crm)" in said.err


def test_the_list_says_what_waits_what_was_given_up_and_why(run: Commands, receiver: Receiver) -> None:
    add(run, receiver, "--type", "dne.added", "--type", "dne.lifted")
    happen(run, "anna@client.example", "ben@client.example")
    receiver.answer = lambda _: Say(500)
    assert run("events", "deliver").code == 1
    with run.database() as engine, transaction(engine) as session:
        session.execute(update(Delivery).where(Delivery.event_id == 1).values(state=DeliveryState.DEAD))
    (row,) = run.done("webhooks", "list", "--json").rows
    assert (row["types"], row["state"], row["pending"], row["dead"], row["last_error"]) == (
        ["dne.added", "dne.lifted"], "active", 1, 1, "HTTP 500",
    )  # fmt: skip
    assert "crm" in run.done("webhooks", "list").out
    (dead,) = run.done("webhooks", "deliveries", "crm", "--state", "dead", "--json").rows
    assert (dead["event"], dead["type"], dead["attempts"]) == (1, "dne.added", 1)
    assert [row["event"] for row in run.done("webhooks", "deliveries", "crm", "--json").rows] == [2, 1]
    said = run("doctor")
    assert said.code == 1
    assert "FAILED  endpoint crm: deliveries given up: 1" in said.out
    assert "inbox-worker events replay crm" in said.out


def test_pausing_keeps_what_happens_until_it_is_resumed(run: Commands, receiver: Receiver) -> None:
    add(run, receiver)
    run.done("webhooks", "pause", "crm")
    happen(run, "anna@client.example")
    assert run.done("events", "deliver").out == "delivered: 0, failed: 0\n"
    assert run.done("webhooks", "list", "--json").rows[0]["state"] == "paused"
    run.done("webhooks", "resume", "crm")
    assert run.done("events", "deliver").out == "delivered: 1, failed: 0\n"


def test_after_a_rotation_both_secrets_verify(run: Commands, receiver: Receiver) -> None:
    old = add(run, receiver)
    new = run.done("webhooks", "rotate", "crm").out.strip()
    assert new != old
    run.done("webhooks", "test", "crm")
    for secret in (old, new):
        Webhook(secret).verify(receiver.heard[0].body, dict(receiver.heard[0].headers))


def test_after_a_key_was_lost_a_rotation_gives_a_secret_that_signs_alone(
    run: Commands, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(run, receiver)
    monkeypatch.delenv("INBOX_SECRET_KEYS")
    assert "set INBOX_SECRET_KEYS" in run("webhooks", "rotate", "crm").err
    monkeypatch.setenv("INBOX_SECRET_KEYS", new_key())
    said = run.done("webhooks", "rotate", "crm")
    run.done("webhooks", "test", "crm")
    (heard,) = receiver.heard
    Webhook(said.out.strip()).verify(heard.body, dict(heard.headers))
    assert " " not in heard.headers["webhook-signature"]


def test_removing_asks_and_takes_what_waits_along(run: Commands, receiver: Receiver) -> None:
    add(run, receiver)
    happen(run, "anna@client.example")
    receiver.answer = lambda _: Say(500)
    run("events", "deliver")
    assert run("webhooks", "remove", "crm", stdin="n\n").code == 1
    run.done("webhooks", "remove", "crm", stdin="y\n")
    assert run.done("webhooks", "list", "--json").rows == []
    with run.database() as engine, reading(engine) as session:
        assert session.scalars(select(Delivery)).all() == []
