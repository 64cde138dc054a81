"""Every status by its real cause: real mail, links and bookings over HTTP, the sending side, people, rules.

One world on PostgreSQL with a daemon, a console and a receiver of events, each a process or server of its own.
Everything is caused first; then each test looks at one person.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import pytest
from sqlalchemy import func, select

from models.migrate import upgrade
from models.session import open_engine, reading
from models.tables.mail import InboundMessage
from models.tables.outside import Delivery, DeliveryState, OutboxEvent
from tests.databases import postgres_database
from tests.journey.world import NAME, World
from tests.servers import PrivateDovecot
from tests.worker.receiver import Receiver, receiving

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("every status")]

ALIAS = "optout@outreach.example"
SPRING, AUTUMN, NURTURE = "spring", "autumn", "nurture"
SENT_AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=30)
CALENDLY_KEY = "a signing key of Calendly"
PATIENCE = 90

PEOPLE = (
    *("engaged", "interested", "declined", "helpdesk", "away", "asked", "complained", "gone", "soft", "refused"),
    *("mailto", "oneclick", "confirmed", "booked", "cancelled", "curious", "mover", "clicker", "label", "undone"),
    *("restarted", "removed", "manual", "imported", "silentdomain", "twin"),
)


def address(person: str) -> str:
    return f"{person}@{'banned' if person == 'silentdomain' else 'client'}.example"


def message_id(person: str, campaign: str = SPRING, step: int = 0) -> str:
    return f"{person}.{campaign}.{step}@outreach.example"


@dataclass
class Stage:
    """The world, the console's address, and what was heard of it."""

    world: World
    console: str
    token: str
    receiver: Receiver
    links: dict[str, str] = field(default_factory=dict)

    def ask(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Ask the console and return the status and text of its answer."""
        request = Request(self.console + path, data=body, headers=headers or {})  # noqa: S310 - our own server
        try:
            with urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def tell(self, path: str, data: Any) -> dict[str, Any]:
        """Tell something as the sending side does."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        status, text = self.ask(path, json.dumps(data).encode(), headers)
        assert status == 200, text
        answer: dict[str, Any] = json.loads(text)
        return answer

    def book(self, person: str, event: str, token: str) -> None:
        """Tell of a booking as Calendly does."""
        at = datetime.now(UTC).isoformat()
        payload = {
            "uri": f"https://api.calendly.example/invitees/{person}",
            "email": address(person),
            "created_at": at,
            "tracking": {"utm_content": token},
        }
        body = json.dumps({"event": event, "created_at": at, "payload": payload}).encode()
        when = str(int(time.time()))
        signature = hmac.new(CALENDLY_KEY.encode(), when.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"Calendly-Webhook-Signature": f"t={when},v1={signature}", "Content-Type": "application/json"}
        status, text = self.ask("/webhooks/calendly/default", body, headers)
        assert status in {200, 202}, text

    def press(self, person: str, body: bytes) -> None:
        """Press the unsubscribe link."""
        status, text = self.ask(urlsplit(self.links[person]).path, body)
        assert status == 200, text

    @cached_property
    def standing(self) -> dict[str, tuple[str, str]]:
        """Everybody in the spring, as the command line lists them."""
        rows = self.world.prepare("recipients", "list", "--campaign", SPRING, "--all", "--json").rows
        return {row["address"].partition("@")[0]: (row["status"], row["sequence"]) for row in rows}

    @cached_property
    def reasons(self) -> dict[str, list[str]]:
        """Why addresses and domains are under Do Not Email, as the command line lists them."""
        found: dict[str, list[str]] = {}
        for row in self.world.prepare("dne", "list", "--json").rows:
            found.setdefault(row["target"], []).append(row["reason"])
        return found

    def story(self, person: str) -> dict[str, Any]:
        """Return what the command line tells of a person, campaign by campaign."""
        (row,) = self.world.prepare("recipients", "show", address(person), "--json").rows
        return row | {each["campaign"]: each for each in row["recipients"]}


def a_mail(person: str, text: str, subject: str = "Re: A question", **headers: str) -> bytes:
    """Return a mail that answers the first send in the spring."""
    fields = {
        "From": address(person),
        "To": NAME,
        "Subject": subject,
        "Message-ID": f"<{person}@client.example>",
        "In-Reply-To": f"<{message_id(person)}>",
        "Date": datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000"),
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
    return f"{head}\n{text}\n".encode()


def a_report(person: str, step: int, status: str, words: str) -> bytes:
    """Return a delivery report about the send of one step (RFC 3464)."""
    return "\n".join(
        [
            "From: MAILER-DAEMON@mx.client.example",
            f"To: {NAME}",
            "Subject: Undelivered Mail Returned to Sender",
            f"Message-ID: <{person}.{step}.report@mx.client.example>",
            "MIME-Version: 1.0",
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
            "Auto-Submitted: auto-replied",
            "",
            "--b",
            "Content-Type: text/plain",
            "",
            f"The mail to {address(person)} could not be delivered: {words}",
            "",
            "--b",
            "Content-Type: message/delivery-status",
            "",
            "Reporting-MTA: dns; mx.client.example",
            "",
            f"Final-Recipient: rfc822; {address(person)}",
            "Action: failed",
            f"Status: {status}",
            f"Diagnostic-Code: smtp; {'452' if status.startswith('4') else '550'} {status} {words}",
            "",
            "--b",
            "Content-Type: message/rfc822",
            "",
            f"From: {NAME}",
            f"To: {address(person)}",
            "Subject: A question",
            f"Message-ID: <{message_id(person, step=step)}>",
            "",
            "Hello",
            "--b--",
            "",
        ]
    ).encode()


def a_complaint(person: str) -> bytes:
    """Return a feedback report (RFC 5965)."""
    return "\n".join(
        [
            "From: feedback@provider.example",
            f"To: {NAME}",
            "Subject: complaint",
            f"Message-ID: <{person}.complaint@provider.example>",
            "MIME-Version: 1.0",
            'Content-Type: multipart/report; report-type=feedback-report; boundary="b"',
            "",
            "--b",
            "Content-Type: text/plain",
            "",
            "This is an abuse report.",
            "",
            "--b",
            "Content-Type: message/feedback-report",
            "",
            "Feedback-Type: abuse",
            "User-Agent: provider/1",
            "Version: 1",
            f"Original-Rcpt-To: {address(person)}",
            "",
            "--b",
            "Content-Type: message/rfc822",
            "",
            f"From: {NAME}",
            f"To: {address(person)}",
            "Subject: A question",
            f"Message-ID: <{message_id(person)}>",
            "",
            "Hello",
            "--b--",
            "",
        ]
    ).encode()


def all_mail(links: dict[str, str]) -> list[bytes]:
    until = (datetime.now(UTC) + timedelta(days=9)).strftime("%d %B %Y")
    automatic = {"Auto_Submitted": "auto-replied"}
    token = urlsplit(links["mailto"]).path.rpartition("/")[2]
    return [
        a_mail("engaged", "Which of our two sites do you mean?"),
        a_mail("interested", "Yes, this sounds great. Please call me on Tuesday at ten, I would like to see a demo."),
        a_mail("declined", "Thank you, but we are not interested."),
        a_mail("helpdesk", "We have received your request. Your ticket number is 4711.", **automatic),
        a_mail("away", f"I am out of the office until {until}.", "Automatic reply: A question", **automatic),
        a_mail("asked", "Please remove me from your list and do not write to me again."),
        a_mail("mailto", "", f"unsubscribe {token}", To=ALIAS, In_Reply_To=""),
        a_complaint("complained"),
        a_report("gone", 0, "5.1.1", "User unknown"),
        a_report("twin", 0, "5.1.1", "User unknown"),
        *(a_report("soft", step, "4.2.2", "Mailbox full") for step in range(3)),
        a_mail("label", "Yes, I am very interested, please send me an offer today."),
        a_mail("undone", "Thank you, but we are not interested."),
        a_mail("restarted", "Thank you, but we are not interested."),
    ]


@pytest.fixture(scope="module")
def stage(dovecot: PrivateDovecot, postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("every-status")
    with postgres_database(postgres_url) as url, receiving() as receiver:
        engine = open_engine(url)
        upgrade(engine)
        engine.dispose()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        world = World(dovecot, "every-status", url, folder)
        world.extra = {
            "INBOX_POLL_SECONDS": "1",
            "INBOX_LINK_KEYS": "k" * 40,
            "INBOX_PUBLIC_URL": f"http://127.0.0.1:{port}",
        }
        world.add_mailbox("--opt-out-alias", ALIAS)
        world.prepare("webhooks", "add", "crm", receiver.url, "--allow-private")
        token = world.prepare("tokens", "add", "sender").out.strip()
        key = folder / "calendly"
        key.write_text(CALENDLY_KEY)
        world.prepare("teams", "set", "default", "--calendly-key-file", str(key))
        console = world.start("console", "--port", str(port))
        daemon = None
        try:
            one = Stage(world, f"http://127.0.0.1:{port}", token, receiver)
            _until(lambda: _answers(one), "the console answers")
            _tell_the_sends(one)
            daemon = world.start("run")
            _cause_everything(one)
            _until(lambda: _is_quiet(world), "everything was read and told")
            yield one
        finally:
            for process in (console, daemon):
                if process is not None:
                    process.terminate()
                    process.communicate(timeout=30)


def _until(true: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        time.sleep(0.2)


def _answers(one: Stage) -> bool:
    try:
        return one.ask("/healthz")[0] == 200
    except URLError:
        return False


def _is_quiet(world: World) -> bool:
    """Say whether all mail was judged and all events were heard."""
    engine = world.engine()
    try:
        with reading(engine) as session:
            messages = session.scalar(select(func.count(InboundMessage.id))) or 0
            waiting = session.scalar(select(func.count(OutboxEvent.id)).where(OutboxEvent.dispatched_at.is_(None)))
            pending = session.scalar(select(func.count()).where(Delivery.state == DeliveryState.PENDING))
            return messages == len(all_mail({"mailto": "/u/x"})) and not waiting and not pending
    finally:
        engine.dispose()


def _tell_the_sends(one: Stage) -> None:
    """Make campaigns and their rules, let everybody join, and tell what was sent."""
    for campaign in (SPRING, AUTUMN, NURTURE):
        one.tell("/v1/campaigns", {"key": campaign})
    joined = one.tell("/v1/recipients", {"campaign": SPRING, "addresses": [*map(address, PEOPLE)]})
    assert joined["joined"] == len(PEOPLE)
    one.links = {row["address"].partition("@")[0]: row["unsubscribe"] for row in joined["recipients"]}
    one.tell("/v1/recipients", {"campaign": AUTUMN, "addresses": [address("twin"), address("asked")]})
    rows = [
        {
            "event": "sent",
            "campaign": SPRING,
            "to": address(person),
            "sent_at": (SENT_AT + timedelta(hours=step)).isoformat(),
            "message_ids": [message_id(person, step=step)],
            "send_id": f"{person}-{step}",
            "subject": "A question",
        }
        for person in PEOPLE
        if person not in {"removed", "refused"}
        for step in range(3)
    ]
    assert one.tell("/v1/events", {"events": rows})["new"] == len(rows)
    rules = one.world.folder / "rules.json"
    rules.write_text(
        json.dumps(
            [
                {"name": "too curious", "when": {"opens": 2}, "then": [{"do": "stop"}]},
                {
                    "name": "prices",
                    "when": {"link": "/prices"},
                    "then": [{"do": "move", "campaign": NURTURE}, {"do": "call", "endpoint": "crm"}],
                },
                {"name": "leave me", "when": {"link": "/leave"}, "then": [{"do": "add_dne"}]},
            ]
        )
    )
    one.world.prepare("automations", "put", SPRING, str(rules))


def _cause_everything(one: Stage) -> None:
    one.world.server.deliver_many("every-status", all_mail(one.links))
    now = datetime.now(UTC).isoformat()
    one.tell(
        "/v1/events",
        {
            "events": [
                {"event": "opened", "send_id": "curious-0", "at": now, "id": "o1"},
                {"event": "opened", "send_id": "curious-1", "at": now, "id": "o2"},
                {"event": "clicked", "send_id": "mover-0", "at": now, "link": "https://outreach.example/prices"},
                {"event": "clicked", "send_id": "clicker-0", "at": now, "link": "https://outreach.example/leave"},
                {
                    "event": "rejected",
                    "kind": "hard",
                    "campaign": SPRING,
                    "to": address("refused"),
                    "sent_at": SENT_AT.isoformat(),
                    "code": "550 5.1.1",
                    "reply": "No such user here",
                },
            ]
        },
    )
    # A scanner looks at the link first.
    assert one.ask(urlsplit(one.links["manual"]).path)[0] == 200
    one.press("oneclick", b"List-Unsubscribe=One-Click")
    status, page = one.ask(urlsplit(one.links["confirmed"]).path)
    assert status == 200
    name, value = re.findall(r'name="([^"]+)" value="([^"]+)"', page)[0]
    one.press("confirmed", f"{name}={value}".encode())
    run = one.world.run
    for person in ("booked", "cancelled"):
        (row,) = map(
            json.loads,
            run(
                "links", "make", address(person), "--booking", "https://calendly.example/mila", "--json"
            ).stdout.splitlines(),
        )
        (tracking,) = parse_qs(urlsplit(row["booking"]).query)["utm_content"]
        one.book(person, "invitee.created", tracking)
    one.book("cancelled", "invitee.canceled", tracking)
    run("recipients", "remove", address("removed"), "--campaign", SPRING, "--why", "the wrong person")
    run("recipients", "set-status", address("manual"), "Engaged", "--why", "she phoned", "--other-cause")
    _until(lambda: one.story("label")[SPRING]["status"] == "Interested", "the reply was read")
    run("recipients", "set-status", address("label"), "Not Interested", "--campaign", SPRING)
    _until(lambda: one.story("undone")[SPRING]["status"] == "Not Interested", "the reply was read")
    run("recipients", "set-status", address("undone"), "Interested", "--campaign", SPRING)
    run("recipients", "undo", address("undone"), "--campaign", SPRING)
    _until(lambda: one.story("restarted")[SPRING]["status"] == "Not Interested", "the reply was read")
    run("recipients", "set-status", address("restarted"), "Active", "--campaign", SPRING, "--why", "she rang")
    targets = one.world.folder / "targets.csv"
    targets.write_text(f"target,reason\n{address('imported')},asked years ago\nbanned.example,competitor\n")
    run("dne", "import", str(targets))


# --- What came of it ---

RUNNING, PAUSED, ENDED = "running", "paused", "ended"
STANDING = {
    "engaged": ("Engaged", ENDED),
    "interested": ("Interested", ENDED),
    "declined": ("Not Interested", ENDED),
    "helpdesk": ("Auto Response", RUNNING),
    "away": ("Out of Office", PAUSED),
    "asked": ("Unsubscribed", ENDED),
    "mailto": ("Unsubscribed", ENDED),
    "complained": ("Unsubscribed", ENDED),
    "oneclick": ("Unsubscribe link", ENDED),
    "confirmed": ("Unsubscribe link", ENDED),
    "gone": ("Bounced", ENDED),
    "soft": ("Bounced", ENDED),
    "refused": ("Bounced", ENDED),
    "removed": ("Removed", ENDED),
    "imported": ("Removed", ENDED),
    "silentdomain": ("Removed", ENDED),
    "curious": ("Campaign Stopped", ENDED),
    "mover": ("Campaign Stopped", ENDED),
    "clicker": ("Campaign Stopped", ENDED),
    "booked": ("Appointment Booked", ENDED),
    "cancelled": ("Active", ENDED),
    "restarted": ("Active", RUNNING),
    "manual": ("Engaged", ENDED),
    "label": ("Not Interested", ENDED),
    "undone": ("Not Interested", ENDED),
}
DNE = {
    "asked": "unsubscribe reply",
    "mailto": "unsubscribe reply",
    "complained": "complaint",
    "oneclick": "unsubscribe link",
    "confirmed": "unsubscribe link",
    "gone": "hard bounce",
    "soft": "soft-bounce limit",
    "refused": "hard bounce",
    "imported": "import",
    "silentdomain": "domain",
    "clicker": "automation",
}


@pytest.mark.parametrize("person", STANDING)
def test_each_cause_gives_its_status(stage: Stage, person: str) -> None:
    assert stage.standing[person] == STANDING[person]
    found = [*stage.reasons.get(address(person), []), *stage.reasons.get(address(person).partition("@")[2], [])]
    assert found == ([DNE[person]] if person in DNE else [])


def test_a_bounce_acts_in_the_other_campaigns_of_the_team_and_who_was_never_mailed_leaves_the_list(
    stage: Stage,
) -> None:
    for person in ("twin", "asked"):
        other = stage.story(person)[AUTUMN]
        assert (other["status"], other["sequence"], other["listed"]) == ("Removed", ENDED, False)


def test_a_rule_moves_once_and_the_story_names_it(stage: Stage) -> None:
    story = stage.story("mover")
    assert story[NURTURE]["status"] == "Active"
    did = [row for row in story[SPRING]["story"] if row["event"] == "automation"]
    assert sorted((row["rule"], row["did"], row["outcome"]) for row in did) == [
        ("prices", "call crm", "told"),
        ("prices", f"move {NURTURE}", "joined"),
    ]
    (stopped,) = [change for row in story[SPRING]["story"] for change in row["changes"]]
    assert stopped["because"] == ["automation 'prices': link '/prices' clicked"]


def test_the_list_and_the_api_say_who_may_not_be_mailed_and_nobody_of_them_joins(stage: Stage) -> None:
    everybody = [*map(address, PEOPLE)]
    found = stage.tell("/v1/suppressions/check", {"addresses": everybody})["suppressed"]
    assert {row["address"] for row in found} == {address(person) for person in [*DNE, "twin"]}
    answer = stage.tell("/v1/recipients", {"campaign": NURTURE, "addresses": everybody})
    refused = {row["address"] for row in answer["recipients"] if row["state"] == "refused"}
    assert refused == {row["address"] for row in found}


def test_who_hears_the_events_knows_every_status(stage: Stage) -> None:
    statuses: dict[tuple[str, str], str] = {}
    banned: set[tuple[str, str]] = set()
    for heard in stage.receiver.heard:
        data = heard.told["data"]
        if heard.told["type"] == "recipient.status_changed":
            statuses[data["campaign"], data["address"]] = data["to"]
        if heard.told["type"] == "dne.added":
            banned.add((data["target"], data["reason"]))
    for person, (status, _) in STANDING.items():
        if status != "Active":
            assert statuses[SPRING, address(person)] == status
    assert banned >= {(address(person), reason) for person, reason in DNE.items() if person != "silentdomain"}
    assert [heard.told["data"]["rule"] for heard in stage.receiver.heard if "automation" in heard.told["type"]] == [
        "prices"
    ]


def test_every_person_of_this_journey_is_looked_at() -> None:
    assert {*STANDING, "twin"} == set(PEOPLE)
