"""What a diagnosis says of the work: mail, people, other systems and a fleet, each of them made wrong for once."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text, update
from sqlalchemy.orm import Session

from models.events import ReviewKind
from models.session import reading, transaction
from models.tables.handling import BackfillRange, MailboxRequest, Wish
from models.tables.learning import Artifact, Promotion
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Recipient
from models.tables.outside import Delivery, DeliveryState, EventType, OutboxEvent, WebhookEndpoint
from models.tables.people import Role, Team, User
from models.tables.standing import ReviewItem
from tests.worker.commanding import Commands
from tests.worker.small_world import NOW, furnish, send_all
from worker.doctor.fleet import fleet
from worker.doctor.mail import MOST, authorities, held, insecure, known_sends, set_aside
from worker.doctor.people import time_zones, users
from worker.doctor.places import way_back
from worker.doctor.work import backfills, daemon, deliveries, events, requests
from worker.watch.health import Finding
from worker.writing.outbox import Told, tell

ROOT = Path(__file__).parent.parent.parent
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True)
class World:
    """A database with a team and a mailbox."""

    engine: Engine

    def put(self, *rows: Any) -> None:
        for row in rows:
            with transaction(self.engine) as session:
                session.add(row)

    def set(self, **mailbox: Any) -> None:
        with transaction(self.engine) as session:
            session.execute(update(Mailbox).values(mailbox))

    def ill(self, find: Callable[..., Iterable[Finding]], *more: Any) -> dict[str, str]:
        """Return what is not as it should be, and how bad it is; each says what to do."""
        with reading(self.engine) as session:
            found = {each.what: each for each in find(session, *more) if each.look or not each.ok}
        assert all(each.mend for each in found.values()), found
        return {what: "look" if each.ok else "FAILED" for what, each in found.items()}

    def says(self, find: Callable[..., Iterable[Finding]], *more: Any) -> str:
        with reading(self.engine) as session:
            (found,) = find(session, *more)
        return found.says


@pytest.fixture
def world(engine: Engine) -> World:
    furnish(engine)
    return World(engine)


def test_a_daemon_that_reads_nothing_any_more_fails(world: World) -> None:
    assert world.ill(daemon, 60, NOW) == {"daemon": "look"}
    world.set(last_success_at=NOW - 29 * MINUTE)
    assert world.ill(daemon, 60, NOW) == {}
    world.set(last_success_at=NOW - 31 * MINUTE)
    assert world.ill(daemon, 60, NOW) == {"daemon": "FAILED"}
    # Who polls seldom is read seldom.
    assert world.ill(daemon, 600, NOW) == {}
    world.set(paused_at=NOW)
    assert world.ill(daemon, 60, NOW) == {}


def test_events_that_nobody_hands_on_fail(world: World) -> None:
    with transaction(world.engine) as session:
        tell(session, 1, [Told(EventType.DNE_ADDED, "anna@client.example", {})], NOW)
    assert world.ill(events, NOW + 4 * MINUTE) == {}
    assert world.ill(events, NOW + 6 * MINUTE) == {"events": "FAILED"}
    with transaction(world.engine) as session:
        session.execute(update(OutboxEvent).values(dispatched_at=NOW))
    assert world.ill(events, NOW + 6 * MINUTE) == {}


def test_deliveries_that_are_late_are_worth_a_look_but_not_those_behind_another(world: World) -> None:
    endpoint = {"team_id": 1, "url": "https://crm.example", "secret": "s", "recorded_at": NOW}
    event = {"team_id": 1, "type": EventType.DNE_ADDED, "subject": "a", "payload": {}, "recorded_at": NOW}
    waiting = {"endpoint_id": 1, "subject": "a", "state": DeliveryState.PENDING}
    world.put(WebhookEndpoint(id=1, name="crm", **endpoint), OutboxEvent(id=1, **event), OutboxEvent(id=2, **event))
    world.put(Delivery(id=1, event_id=1, next_attempt_at=NOW + DAY, **waiting))
    world.put(Delivery(id=2, event_id=2, next_attempt_at=NOW, **waiting))
    assert world.ill(deliveries, NOW + 9 * MINUTE) == {}
    with transaction(world.engine) as session:
        session.execute(update(Delivery).values(next_attempt_at=NOW, last_error="HTTP 500"))
    assert world.ill(deliveries, NOW + 4 * MINUTE) == {}
    assert world.ill(deliveries, NOW + 9 * MINUTE) == {"endpoint crm": "look"}
    assert "HTTP 500" in world.says(deliveries, NOW + 9 * MINUTE)
    with transaction(world.engine) as session:
        session.execute(update(WebhookEndpoint).values(paused_at=NOW))
    assert world.ill(deliveries, NOW + 9 * MINUTE) == {}


def request(**values: Any) -> MailboxRequest:
    return MailboxRequest(mailbox_id=1, wish=Wish.BACKFILL, actor="petra", recorded_at=NOW, **values)


def test_what_is_asked_for_and_nobody_takes_up_fails(world: World) -> None:
    world.put(request())
    assert world.ill(requests, NOW + MINUTE / 2) == {}
    assert world.ill(requests, NOW + 2 * MINUTE) == {"requests": "FAILED"}
    with transaction(world.engine) as session:
        session.execute(update(MailboxRequest).values(seen_at=NOW + MINUTE))
    assert world.ill(requests, NOW + 2 * MINUTE) == {}
    assert world.ill(requests, NOW + 9 * MINUTE) == {"requests": "FAILED"}
    with transaction(world.engine) as session:
        session.execute(update(MailboxRequest).values(ended_at=NOW))
    assert world.ill(requests, NOW + 9 * MINUTE) == {}


def test_a_backfill_that_rests_after_an_error_is_worth_a_look(world: World) -> None:
    world.put(request(id=1))
    assert world.ill(backfills) == {}
    part = {"request_id": 1, "folder": "INBOX", "uidvalidity": 1, "last_uid": 9, "counts": {}}
    world.put(BackfillRange(first_uid=1, error="the line broke", again_at=NOW, **part))
    world.put(BackfillRange(first_uid=2, **part))
    assert world.ill(backfills) == {"backfill mila@outreach.example": "look"}
    assert world.says(backfills) == "1 parts rest after an error and are tried again: the line broke"
    with transaction(world.engine) as session:
        session.execute(update(BackfillRange).values(error=None))
        session.execute(update(MailboxRequest).values(error="a budget is used up"))
    assert world.says(backfills) == "it rests after an error and is tried again: a budget is used up"
    with transaction(world.engine) as session:
        session.execute(update(MailboxRequest).values(ended_at=NOW))
    assert world.ill(backfills) == {}


POSTGRES = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True
)


def job(session: Session, task: str, lock: str, worker: int | None = 1) -> None:
    session.execute(
        text(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, status, worker_id)"
            " VALUES ('q', :task, :lock, CAST(:status AS procrastinate_job_status), :worker)"
        ),
        {"task": task, "lock": lock, "status": "doing" if worker else "todo", "worker": worker},
    )


@POSTGRES
def test_a_fleet_of_dead_workers_and_duties_that_nobody_does_are_worth_a_look(world: World) -> None:
    assert world.ill(fleet) == {}
    with transaction(world.engine) as session:
        session.execute(text("INSERT INTO procrastinate_workers (id) OVERRIDING SYSTEM VALUE VALUES (1)"))
        job(session, "presence", "w")
        job(session, "duty", "timers")
        job(session, "duty", "outbox")
        job(session, "range", "r", worker=None)
    assert world.says(fleet) == "1 workers live, 1 parts of backfills and trainings wait; nobody does: shard:0"
    assert world.ill(fleet) == {"fleet": "look"}
    with transaction(world.engine) as session:
        session.execute(
            text(
                "INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE"
                " VALUES (2, now() - interval '1 minute')"
            )
        )
        job(session, "duty", "shard:0", worker=2)
    # Its worker died.
    assert world.says(fleet).endswith("nobody does: shard:0")
    with transaction(world.engine) as session:
        session.execute(text("UPDATE procrastinate_jobs SET worker_id = 1 WHERE worker_id = 2"))
    assert world.ill(fleet) == {}
    with transaction(world.engine) as session:
        session.execute(text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'"))
    assert world.ill(fleet) == {"fleet": "look"}
    assert "none of the workers lives" in world.says(fleet)


def test_passwords_in_the_clear_over_a_network_are_worth_a_look(world: World) -> None:
    assert world.ill(insecure) == {}
    world.set(security="plain", host="localhost")
    assert world.ill(insecure) == {}
    world.set(security="plain", host="imap.outreach.example")
    assert world.ill(insecure) == {"plain mailboxes": "look"}


def test_a_certificate_authority_that_is_not_there_or_none_fails(world: World, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("no certificate")
    for path in (tmp_path / "missing.pem", tmp_path / "none.pem"):
        world.set(ca_file=str(path))
        assert world.ill(authorities) == {f"ca file {path}": "FAILED"}


def test_a_team_that_never_told_what_it_sent_is_worth_a_look(world: World) -> None:
    assert world.ill(known_sends) == {}
    world.set(last_success_at=NOW)
    assert world.ill(known_sends) == {"sends of team default": "look"}
    send_all(world.engine)
    assert world.ill(known_sends) == {}


def message(number: int, state: MessageState) -> InboundMessage:
    return InboundMessage(
        mailbox_id=1, folder="INBOX", uidvalidity=1, uid=number, content_hash=str(number), arrived_at=NOW, size=1,
        state=state, recorded_at=NOW,
    )  # fmt: skip


def test_mail_that_was_set_aside_is_worth_a_look_and_counted_up_to_an_end(world: World) -> None:
    world.put(message(0, MessageState.JUDGED))
    assert world.ill(set_aside) == {}
    world.put(message(1, MessageState.SET_ASIDE))
    assert world.ill(set_aside) == {"set aside": "look"}
    assert world.says(set_aside).endswith(": 1")
    with transaction(world.engine) as session:
        session.add_all(message(number, MessageState.SET_ASIDE) for number in range(2, MOST + 3))
    assert world.says(set_aside).endswith(": 1,000 or more")


def test_a_sequence_that_waits_for_days_for_an_answer_is_worth_a_look(world: World) -> None:
    send_all(world.engine)
    item = {"team_id": 1, "kind": ReviewKind.POSSIBLE_OPT_OUT, "urgency": 1.0, "lesson": 1.0, "opened_at": NOW}
    with transaction(world.engine) as session:
        recipient = session.query(Recipient).first()
        assert recipient is not None
        of = {"recipient_id": recipient.id, "campaign_id": recipient.campaign_id}
        session.add(ReviewItem(event_key="a", holds=False, **item, **of))
        session.add(ReviewItem(event_key="b", holds=True, **item, **of))
    assert world.ill(held, NOW + 2 * DAY) == {}
    assert world.ill(held, NOW + 4 * DAY) == {"review": "look"}
    assert world.says(held, NOW + 4 * DAY).endswith(": 1")
    with transaction(world.engine) as session:
        session.execute(update(ReviewItem).values(closed_at=NOW))
    assert world.ill(held, NOW + 4 * DAY) == {}


def test_a_console_with_nobody_who_may_do_everything_is_worth_a_look(world: World) -> None:
    assert world.ill(users) == {}
    person = {"team_id": 1, "recorded_at": NOW}
    world.put(User(name="petra", role=Role.EDITOR, **person))
    world.put(User(name="noor", role=Role.ADMIN, disabled_at=NOW, **person))
    assert world.ill(users) == {"users": "look"}
    world.put(User(name="olga", role=Role.ADMIN, **person))
    assert world.ill(users) == {}
    assert world.says(users) == "2, of whom 1 admin"


def test_a_time_zone_that_this_machine_does_not_know_fails(world: World) -> None:
    assert world.ill(time_zones) == {}
    world.put(Team(id=2, name="Mars", time_zone="Mars/Olympus"))
    assert world.ill(time_zones) == {"team Mars": "FAILED"}


def test_a_classifier_that_a_rollback_would_miss_is_worth_a_look(world: World, tmp_path: Path) -> None:
    def promoted(number: int) -> Iterator[Any]:
        path = tmp_path / f"{number}.artifact"
        yield Artifact(id=number, version=str(number), path=str(path), sha256="0", metrics={}, recorded_at=NOW)
        yield Promotion(artifact_id=number, actor="petra", recorded_at=NOW)

    world.put(*promoted(1))
    assert world.ill(way_back, tmp_path) == {}
    world.put(*promoted(2))
    assert world.ill(way_back, tmp_path) == {"way back": "look"}
    # What lies there is another one than was registered.
    (tmp_path / "1.artifact").write_text("something else")
    with reading(world.engine) as session:
        (found,) = way_back(session, tmp_path)
    assert (found.look, "is not the artifact 1" in found.says) == (True, True)


def test_what_is_worth_a_look_is_marked_and_is_no_failure(run: Commands) -> None:
    run.done("migrate")
    said = run.done("doctor")
    assert "look    mailboxes: none yet\n        -> run: inbox-worker mailboxes add" in said.out
    rows = {row["what"]: row for row in run.done("doctor", "--json").rows}
    assert rows["mailboxes"] == {
        "what": "mailboxes", "ok": True, "says": "none yet", "mend": "run: inbox-worker mailboxes add", "look": True,
    }  # fmt: skip


def test_a_health_check_looks_at_no_more_than_it_has_to(run: Commands) -> None:
    run.done("migrate")
    said = run.done("doctor", "--max-age", "60", "--json")
    assert [row["what"] for row in said.rows] == ["settings", "database", "polling", "classifier"]


@pytest.mark.sources
def test_every_finding_stands_in_the_page() -> None:
    page = (ROOT / "docs/operate.md").read_text()
    table = page.split("## Doctor", 1)[1].split("\n## ", 1)[0]
    told = {
        name for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    }
    assert {re.sub(r":?\s*[A-Z]{3,}.*", "", name) for name in told} == {name for name in _names() if name}


def _names() -> Iterator[str]:
    """Yield how each finding begins that a diagnosis can have."""
    places = [*(ROOT / "worker/doctor").glob("*.py"), ROOT / "worker/cli/operate.py"]
    for path in [*places, ROOT / "worker/watch/health.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"well", "notable", "wrong"}
            ):
                (what, *_) = node.args
                begins = what.values[0] if isinstance(what, ast.JoinedStr) else what
                assert isinstance(begins, ast.Constant), f"{path}: a finding is named by its first words"
                yield str(begins.value).strip().rstrip(":")
