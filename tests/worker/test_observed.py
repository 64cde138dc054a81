"""What a daemon tells of itself over HTTP: its numbers, whether it polls, whether its database is ready."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version
from math import inf
from pathlib import Path
from shutil import copyfile

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, create_engine, update

from classifier.verdict import ReplyClass
from config.settings import Settings
from models.events import ReviewKind, Status
from models.migrate import upgrade
from models.session import open_engine, transaction
from models.tables.handling import MailboxRequest, Purpose, Wish
from models.tables.learning import Label, LabelSource, Promotion
from models.tables.mailboxes import Mailbox
from models.tables.outside import Alarm, AlarmKind, EventType, OutboxEvent
from tests.lab import Lab, deliver, recent
from tests.servers import PrivateDovecot
from tests.worker.commanding import said
from tests.worker.small_world import BOX, HARD, NOW, a_mail, a_reply, furnish, send_all, take_in
from worker.daemon.ticks import Step
from worker.errors import InputError, MailboxError, Trouble
from worker.reading.visit import PollReport
from worker.schedule import Daemon
from worker.watch.gauges import FRESH, Gauges
from worker.watch.metrics import Metrics
from worker.watch.observed import Observed, observed
from worker.watch.pulse import Pulse

Read = Callable[..., float | None]


def reader(registry: CollectorRegistry, engine: Engine) -> Read:
    """Return what reads a number from the page of numbers."""

    def read(name: str, **labels: str) -> float | None:
        page = Observed(registry, lambda: None, engine).answer("/metrics", "")[2].decode()
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
        return None

    return read


class Clock:
    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


def test_a_daemon_that_just_started_or_has_nothing_to_do_does_not_stall() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    assert pulse.stall(10) is None
    clock.at += 100
    pulse.looked(idle=True)
    clock.at += 10
    assert pulse.stall(10) is None


def test_polling_stalls_when_due_mailboxes_are_picked_no_more() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    clock.at += 11
    pulse.moved()
    assert "due mailboxes were not picked for 11 seconds" in (pulse.stall(10) or "")


def test_polling_stalls_when_mailboxes_wait_and_no_poll_ends_until_one_does() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    for _ in range(11):
        clock.at += 1
        pulse.looked(idle=False)
    assert "no poll ended for 11 seconds" in (pulse.stall(10) or "")
    pulse.moved()
    assert pulse.stall(10) is None


@pytest.fixture
def registered(engine: Engine) -> Engine:
    furnish(engine)
    send_all(engine)
    return engine


@pytest.fixture
def metrics(registered: Engine) -> tuple[Metrics, Read]:
    made = Metrics()
    return made, reader(made.registry, registered)


def test_mail_is_counted_by_verdict_and_its_delay_and_confidence_are_kept(
    registered: Engine, metrics: tuple[Metrics, Read]
) -> None:
    counted, read = metrics
    batch = [a_mail(HARD), a_mail(a_reply(ReplyClass.INTERESTED)), replace(a_mail(HARD), verdict=None, error="broken")]
    counted.wrote(Purpose.LIVE, batch, take_in(registered, *batch), batch[0].arrived_at + timedelta(seconds=40))
    assert read("inbox_worker_messages_total", verdict="bounce", purpose="live") == 1
    assert read("inbox_worker_messages_total", verdict="reply", purpose="live") == 1
    assert read("inbox_worker_messages_set_aside_total") == 1
    assert read("inbox_worker_message_delay_seconds_bucket", le="60.0") == 3
    assert read("inbox_worker_message_delay_seconds_bucket", le="30.0") == 0
    assert read("inbox_worker_reply_confidence_count", reply_class="Interested") == 1
    assert read("inbox_worker_build_info", version=version("inbox-worker")) == 1


def test_the_past_says_nothing_about_delays(registered: Engine, metrics: tuple[Metrics, Read]) -> None:
    counted, read = metrics
    mail = a_mail(HARD)
    counted.wrote(Purpose.BACKFILL, [mail], take_in(registered, mail), NOW)
    assert read("inbox_worker_messages_total", verdict="bounce", purpose="backfill") == 1
    assert read("inbox_worker_message_delay_seconds_count") == 0


def test_polls_are_counted_by_how_they_ended(registered: Engine) -> None:
    ends: list[Exception | None] = [
        None,
        MailboxError("no", permanent=True, trouble=Trouble.SIGN_IN),
        RuntimeError("a bug"),
    ]

    def poll(*_: object) -> PollReport:
        if error := ends.pop(0):
            raise error
        return PollReport()

    daemon = Daemon(registered, Settings(poll_threads=1), poll, lambda: NOW)
    read = reader(daemon.shown().registry, registered)
    for _ in range(3):
        daemon.turns.work(1)
    daemon.close()
    results = ["well", "sign-in refused", "ours"]
    assert [read("inbox_worker_polls_total", result=each) for each in results] == [1, 1, 1]
    assert read("inbox_worker_poll_seconds_count") == 3
    assert read("inbox_worker_polls_in_hand") == 0


def test_a_poll_that_ends_and_a_batch_that_is_written_are_signs_of_life(registered: Engine) -> None:
    clock = Clock()
    counted = Metrics(pulse=Pulse(clock))
    clock.at += 10
    counted.polled(None, 0.1)
    assert counted.pulse.moved_at == clock.at
    clock.at += 10
    mail = a_mail(HARD)
    counted.wrote(Purpose.LIVE, [mail], take_in(registered, mail), NOW)
    assert counted.pulse.moved_at == clock.at


@pytest.mark.server
def test_every_message_that_a_poll_takes_in_is_counted(
    dovecot: PrivateDovecot, imap_user: str, tmp_path: Path, sqlite_template: Path
) -> None:
    copyfile(sqlite_template, tmp_path / "a.sqlite")
    engine = open_engine(f"sqlite:///{tmp_path}/a.sqlite")
    lab, mails, counted = Lab(engine, dovecot, imap_user), recent(3), Metrics()
    lab.furnish(mails)
    deliver(dovecot, imap_user, mails)
    lab.poll(wrote=counted.wrote)
    assert reader(counted.registry, engine)("inbox_worker_message_delay_seconds_count") == len(mails)
    engine.dispose()


def test_a_step_that_fails_is_counted_by_its_name(metrics: tuple[Metrics, Read]) -> None:
    counted, read = metrics

    def failing() -> None:
        raise RuntimeError

    Step("counting", 0, failing, lambda: NOW, counted.failures.labels("counting").inc)()
    assert read("inbox_worker_step_failures_total", step="counting") == 1


@pytest.fixture
def standing(registered: Engine) -> Read:
    """The gauges of a small world in which something of everything waits."""
    an_hour_ago = NOW - timedelta(hours=1)
    take_in(registered, a_mail(HARD), replace(a_mail(HARD), verdict=None, error="broken"))
    take_in(registered, a_mail(a_reply(sure=False), answers=("anna-1-0@us",), from_address="anna@client.example"))
    with transaction(registered) as session:
        session.execute(update(Mailbox).values(last_success_at=NOW - timedelta(seconds=90), backlog=7))
        session.add(Mailbox(id=2, team_id=1, name="b", host="h", port=1, username="u", password="p", paused_at=NOW))
        session.add(MailboxRequest(mailbox_id=1, wish=Wish.POLL, actor="petra", recorded_at=an_hour_ago))
        session.add(Alarm(team_id=1, kind=AlarmKind.MAILBOX_STALE, subject=BOX.name, says="stale", opened_at=NOW))
        session.add(
            OutboxEvent(team_id=1, type=EventType.DNE_ADDED, subject="a@b.example", payload={}, recorded_at=an_hour_ago)
        )
        session.add_all(
            Label(
                team_id=1, key=str(number), text_key=str(number), subject="", text="", language="en",
                label=Status.INTERESTED, machine=machine, source=LabelSource.REVIEW, sampled=True, recorded_at=NOW,
            )
            for number, machine in enumerate([Status.INTERESTED, Status.INTERESTED, Status.ENGAGED, None])
        )  # fmt: skip
    registry = CollectorRegistry()
    registry.register(Gauges(registered, lambda: NOW))
    return reader(registry, registered)


def test_the_gauges_tell_how_everything_stands(standing: Read) -> None:
    assert standing("inbox_worker_database_up") == 1
    assert standing("inbox_worker_mailboxes", state="well") == 1
    assert standing("inbox_worker_mailboxes", state="paused") == 1
    assert standing("inbox_worker_poll_age_seconds", which="oldest") == 90
    assert standing("inbox_worker_backlog_messages") == 7
    assert standing("inbox_worker_requests_waiting") == 1
    assert standing("inbox_worker_requests_age_seconds") == 3_600
    assert standing("inbox_worker_messages_aside") == 1
    assert standing("inbox_worker_alarms_open", kind="mailbox stale") == 1
    assert standing("inbox_worker_outbox_age_seconds") == 3_600
    assert standing("inbox_worker_review_answers", agreed="true") == 2
    assert standing("inbox_worker_review_answers", agreed="false") == 2
    assert standing("inbox_worker_reviews_open", kind=ReviewKind.LOW_CONFIDENCE.value) == 1


def test_answers_to_what_another_classifier_said_do_not_count_for_the_one_in_service(
    standing: Read, registered: Engine
) -> None:
    with transaction(registered) as session:
        session.add(Promotion(artifact_id=None, actor="petra", recorded_at=NOW + timedelta(seconds=1)))
    assert standing("inbox_worker_review_answers", agreed="true") == 0
    assert standing("inbox_worker_review_answers", agreed="false") == 0


def test_mailboxes_of_which_none_was_ever_read_do_not_pass_for_fresh(registered: Engine) -> None:
    registry = CollectorRegistry()
    registry.register(Gauges(registered, lambda: NOW))
    assert reader(registry, registered)("inbox_worker_poll_age_seconds", which="newest") == inf
    with transaction(registered) as session:
        session.execute(update(Mailbox).values(paused_at=NOW))
    registry = CollectorRegistry()
    registry.register(Gauges(registered, lambda: NOW))
    assert reader(registry, registered)("inbox_worker_poll_age_seconds", which="newest") == 0


def test_of_a_fleet_one_speaks(registered: Engine) -> None:
    assert list(Gauges(registered, lambda: NOW, lambda: False).collect()) == []


def test_the_database_is_asked_again_after_a_while_and_not_before(registered: Engine) -> None:
    moments = iter([NOW, NOW + FRESH / 2, NOW + FRESH])
    registry = CollectorRegistry()
    registry.register(Gauges(registered, lambda: next(moments)))
    read = reader(registry, registered)
    assert read("inbox_worker_backlog_messages") == 0
    with transaction(registered) as session:
        session.execute(update(Mailbox).values(backlog=9))
    assert read("inbox_worker_backlog_messages") == 0
    assert read("inbox_worker_backlog_messages") == 9


def test_numbers_come_though_the_database_is_away() -> None:
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    registry = CollectorRegistry()
    registry.register(Gauges(engine, lambda: NOW))
    assert reader(registry, engine)("inbox_worker_database_up") == 0


@pytest.fixture
def page(registered: Engine) -> Iterator[str]:
    with observed(("127.0.0.1", 0), Observed(Metrics().registry, lambda: None, registered)) as port:
        yield f"http://127.0.0.1:{port}"


def test_the_numbers_are_served_in_the_form_that_is_asked_for(page: str) -> None:
    plain = httpx.get(f"{page}/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert "# TYPE inbox_worker_polls_total counter" in plain.text
    openly = httpx.get(f"{page}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert openly.text.endswith("# EOF\n")


def test_it_is_ready_while_the_database_answers_and_nothing_else_is_served(page: str) -> None:
    assert (httpx.get(f"{page}/readyz").status_code, httpx.head(f"{page}/readyz?x=1").content) == (200, b"")
    assert httpx.get(f"{page}/").status_code == 404
    assert httpx.post(f"{page}/healthz").status_code == 501


def test_it_is_not_ready_while_the_schema_is_another_versions(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    asked = Observed(CollectorRegistry(), lambda: None, engine)
    status, _, says = asked.answer("/readyz", "")
    assert (status, b"empty" in says, b"inbox-worker migrate" in says) == (503, True, True)
    upgrade(engine)
    assert asked.answer("/readyz", "")[0] == 200
    engine.dispose()


def test_it_is_not_ready_while_the_database_is_away() -> None:
    away = create_engine("postgresql+psycopg://nobody:hidden@127.0.0.1:1/nothing")
    status, _, says = Observed(CollectorRegistry(), lambda: None, away).answer("/readyz", "")
    assert (status, b"hidden" in says) == (503, False)


def test_a_stall_is_told_with_the_next_step(registered: Engine) -> None:
    stalled = Observed(CollectorRegistry(), lambda: "polling stalls: see the log", registered)
    assert stalled.answer("/healthz", "")[::2] == (503, b"polling stalls: see the log\n")


def test_who_says_nothing_keeps_nobody_else_from_asking(page: str) -> None:
    with socket.create_connection(("127.0.0.1", int(page.rpartition(":")[2]))):
        assert httpx.get(f"{page}/healthz").status_code == 200


@pytest.mark.parametrize(("error", "told"), [(BrokenPipeError("gone"), 0), (ValueError("broken"), 1)])
def test_an_answer_that_fails_is_told_in_the_log_alone_unless_the_visitor_went_away(
    registered: Engine,
    error: Exception,
    told: int,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fails() -> str | None:
        raise error

    with observed(("127.0.0.1", 0), Observed(CollectorRegistry(), fails, registered)) as port:
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"http://127.0.0.1:{port}/healthz")
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == [
        "a question how this process fares could not be answered"
    ] * told
    assert "Traceback" not in capfd.readouterr().err


def test_a_port_that_is_taken_names_the_settings(registered: Engine) -> None:
    what = Observed(CollectorRegistry(), lambda: None, registered)
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(InputError, match="INBOX_METRICS_PORT"),
        observed(taken.getsockname(), what),
    ):
        pass


def test_without_a_port_nothing_is_listened_on(registered: Engine) -> None:
    threads = threading.active_count()
    with observed(None, Observed(CollectorRegistry(), lambda: None, registered)) as port:
        assert (port, threading.active_count()) == (None, threads)


def test_the_health_check_asks_the_daemon_here(registered: Engine) -> None:
    stall: list[str] = []
    what = Observed(CollectorRegistry(), lambda: stall[0] if stall else None, registered)
    with observed(("127.0.0.1", 0), what) as port:
        env = {"INBOX_METRICS_PORT": str(port), "INBOX_METRICS_HOST": "0.0.0.0"}  # noqa: S104 - asked, not listened on
        well = said(["healthcheck"], env=env)
        assert (well.code, well.out) == (0, "polling goes on\n")
        stall.append("polling stalls: see the log")
        ill = said(["healthcheck"], env=env)
        assert (ill.code, ill.err) == (1, "polling stalls: see the log\n")
    gone = said(["healthcheck"], env=env)
    assert (gone.code, "no daemon answers" in gone.err, "INBOX_METRICS_PORT" in gone.err) == (1, True, True)


def test_the_health_check_needs_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INBOX_METRICS_PORT", raising=False)
    asked = said(["healthcheck"])
    assert (asked.code, "INBOX_METRICS_PORT" in asked.err) == (1, True)
