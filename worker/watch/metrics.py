"""What this process does, in numbers that Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from classifier.verdict import Reply
from models.tables.handling import Purpose
from models.tables.mail import MessageState
from worker.apply import Applied
from worker.errors import MailboxError
from worker.watch.pulse import Pulse
from worker.writing.record import Judged

DELAYS = (5, 15, 30, 60, 120, 300, 900, 3_600, 14_400, 86_400)
CONFIDENCES = tuple(tenth / 20 for tenth in range(1, 20))
SECONDS = (0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300)


@dataclass(slots=True)
class Metrics:
    """Counts polls and the mail they bring, and notes the signs of life; safe to use from several threads."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    pulse: Pulse = field(default_factory=Pulse)
    messages: Counter = field(init=False)
    aside: Counter = field(init=False)
    delay: Histogram = field(init=False)
    confidence: Histogram = field(init=False)
    polls: Counter = field(init=False)
    poll_seconds: Histogram = field(init=False)
    failures: Counter = field(init=False)

    def __post_init__(self) -> None:
        """Make what is counted, from zero."""
        self.messages = Counter(
            "inbox_worker_messages",
            "Messages taken in, by verdict and by what they were read for.",
            ["verdict", "purpose"],
            registry=self.registry,
        )
        self.aside = Counter(
            "inbox_worker_messages_set_aside",
            "Messages that could not be judged or written.",
            registry=self.registry,
        )
        self.delay = Histogram(
            "inbox_worker_message_delay_seconds",
            "From a message's arrival until it was written; no backfills.",
            buckets=DELAYS,
            registry=self.registry,
        )
        self.confidence = Histogram(
            "inbox_worker_reply_confidence",
            "How sure the classifier was of replies, by the class it gave.",
            ["reply_class"],
            buckets=CONFIDENCES,
            registry=self.registry,
        )
        self.polls = Counter(
            "inbox_worker_polls",
            "Polls by how they ended: well, or the kind of trouble.",
            ["result"],
            registry=self.registry,
        )
        self.poll_seconds = Histogram(
            "inbox_worker_poll_seconds",
            "How long polls took.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.failures = Counter(
            "inbox_worker_step_failures",
            "Failures of what the daemon does besides polling, by its name.",
            ["step"],
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)
        Info("inbox_worker_build", "This version.", registry=self.registry).info({"version": version("inbox-worker")})

    def show(self, functions: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        """Have functions asked whenever somebody reads: by their names, with what they tell."""
        for name, (says, function) in functions.items():
            Gauge(name, says, registry=self.registry).set_function(function)

    def wrote(self, purpose: Purpose, judged: Sequence[Judged], applied: Applied, now: datetime) -> None:
        """Count a batch that was written."""
        self.pulse.moved()
        for verdict, number in applied.verdicts.items():
            self.messages.labels(verdict, purpose.value).inc(number)
        self.aside.inc(applied.states[MessageState.SET_ASIDE.value])
        for each in judged:
            if purpose is Purpose.LIVE:
                self.delay.observe(max(0.0, (now - each.arrived_at).total_seconds()))
            if isinstance(each.verdict, Reply):
                self.confidence.labels(each.verdict.reply_class.value).observe(each.verdict.confidence)

    def polled(self, error: Exception | None, seconds: float) -> None:
        """Count a poll that ended."""
        self.pulse.moved()
        self.polls.labels(_result(error)).inc()
        self.poll_seconds.observe(seconds)


def _result(error: Exception | None) -> str:
    if error is None:
        return "well"
    return error.trouble.value if isinstance(error, MailboxError) else "ours"
