"""What the console asks about a review item, and what each answer does, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from classifier.verdict import ReplyClass
from models.events import EventKind, ReviewKind, Status
from worker.figures import LABELS
from worker.mail_text import MailText
from worker.story import Row

NOTHING, BAN = "nothing", "do not email"
"""Answers that are no class."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, what holds until it is answered, and what it does to find nothing in it."""

    asks: str
    now: str
    nothing: str


QUESTIONS: Mapping[ReviewKind, Question] = {
    ReviewKind.POSSIBLE_OPT_OUT: Question(
        "Does this mail ask us to stop?",
        "The classifier thinks so and is not sure. It counts as Engaged, and nothing is sent until you answer.",
        "No class is given; the sequence goes on as before",
    ),
    ReviewKind.MACHINE_OPT_OUT: Question(
        "Does this automatic answer really ask us to stop?",
        "It was obeyed at once: the address is under Do Not Email, and stays there until somebody lifts that.",
        "Everything stays as it is",
    ),
    ReviewKind.UNCERTAIN_MATCH: Question(
        "Is this about our mail to this recipient, and what does it say?",
        "It names no mail of ours surely enough, so it has changed nothing. Nothing is sent until you answer.",
        "It is about something else: it changes nothing, and the sequence goes on",
    ),
    ReviewKind.AGAINST_LABEL: Question(
        "A person set the status; what does this newer mail say?",
        "The status stays as it was set, and nothing is sent until you answer.",
        "The status stays as the person set it, and the sequence goes on",
    ),
    ReviewKind.CONTRADICTION: Question(
        "What does this mail say? It does not fit the status.",
        "The status stayed as it was, since what gave it stands above this mail.",
        "The status stays as it is",
    ),
    ReviewKind.BOUNCE_AFTER_REPLY: Question(
        "Is this address dead?",
        "Our mail bounced, although a person has answered from the address since. The status stayed as it was.",
        "The address is alive: the status stays as it is",
    ),
    ReviewKind.NEAR_OPT_OUT: Question(
        "What does this mail say?",
        "The machine is sure of it, and an opt-out was its next thought. Agree, and its word stands; else yours does.",
        "No class is given; the machine's word stands",
    ),
    ReviewKind.MOVED_BACK: Question(
        "What is this mail really?",
        "We had filed it in a folder, and somebody put it back. That alone has changed nothing.",
        "Everything stays as it is",
    ),
    ReviewKind.RANDOM_SAMPLE: Question(
        "What does this mail say?",
        "Drawn at random: only from such answers is it known how often the machine is right. Agree, and its word stands.",
        "No class is given; the machine's word stands",
    ),
    ReviewKind.LOW_CONFIDENCE: Question(
        "What does this mail say?",
        "The machine is not sure, so it counts as Engaged until you answer.",
        "No class is given; it goes on counting as Engaged",
    ),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A button: its key, what it says, what it does, and whether the machine would press it."""

    key: str
    value: str
    words: str
    does: str
    guessed: bool = False


_DOES: Mapping[Status, str] = {
    Status.ENGAGED: "Neutral, or nothing else fits; as a reply",
    Status.INTERESTED: "Positive only: wants to know more",
    Status.NOT_INTERESTED: "Declines; ends the sequence",
    Status.AUTO_RESPONSE: "A machine answered; no absence",
    Status.OUT_OF_OFFICE: "An absence; pauses the sequence",
    Status.UNSUBSCRIBED: "Asks us to stop; ends it, Do Not Email",
    Status.BOUNCED: "The address is dead; ends it, Do Not Email",
    Status.APPOINTMENT_BOOKED: "A booking; ends the sequence",
}
_FOUND: Mapping[str, Status] = {
    "absence": Status.OUT_OF_OFFICE,
    "auto_response": Status.AUTO_RESPONSE,
    "opt_out": Status.UNSUBSCRIBED,
    "complaint": Status.UNSUBSCRIBED,
    "bounce": Status.BOUNCED,
}


def guess_of(mail: MailText | None) -> Status | None:
    """Return what the machine would answer; None where it has no answer."""
    if mail is None or mail.kind is None:
        return None
    return Status(mail.reply_class) if mail.reply_class else _FOUND.get(mail.kind)


def guess_words(mail: MailText) -> str:
    """Return what the machine took a mail for, as a page calls it."""
    return mail.reply_class or LABELS.get(mail.kind or "", "not judged")


def answers(row: Row, mail: MailText | None) -> Sequence[Answer]:
    """Return the buttons that make sense for an item."""
    guess = guess_of(mail)
    return [
        Answer(key, status.value, status.value, _DOES[status], status is guess) for key, status in _classes(row, mail)
    ]


def _classes(row: Row, mail: MailText | None) -> Iterator[tuple[str, Status]]:
    if mail is not None:
        for number, each in enumerate(ReplyClass, 1):
            yield str(number), Status(each.value)
        yield "b", Status.BOUNCED
    if row["event"] in {EventKind.BOOKED.value, EventKind.REPLY.value, None}:
        yield "a", Status.APPOINTMENT_BOOKED
