"""What the console asks about a review item, and what each answer does, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from classifier.verdict import ReplyClass
from models.events import EventKind, ReviewKind, Status
from worker.queries.mail_text import MailText
from worker.queries.story import Row


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, what holds until it is answered, and what it does to find nothing in it."""

    asks: str
    now: str
    nothing: str


QUESTIONS: Mapping[ReviewKind, Question] = {
    ReviewKind.POSSIBLE_OPT_OUT: Question(
        "Does this mail ask us to stop?",
        "It may, and the machine is not sure. Until you answer it counts as Engaged.",
        "Gives no class",
    ),
    ReviewKind.MACHINE_OPT_OUT: Question(
        "Does this automatic answer really ask us to stop?",
        "A machine wrote it. Where it was obeyed, the address is under Do Not Email until somebody lifts that.",
        "Everything stays as it is",
    ),
    ReviewKind.UNCERTAIN_MATCH: Question(
        "Is this about our mail to this recipient, and what does it say?",
        "It does not say surely enough which mail of ours it answers, so it has changed nothing.",
        "About something else: changes nothing",
    ),
    ReviewKind.AGAINST_LABEL: Question(
        "A person set the status; what does this newer mail say?",
        "The status stays as it was set until you answer.",
        "The status stays as it was set",
    ),
    ReviewKind.CONTRADICTION: Question(
        "What does this mail say? It does not fit the status.",
        "It came after a bounce, a removal, an opt-out or a booking, which it does not fit. Is the status right?",
        "The status stays as it is",
    ),
    ReviewKind.BOUNCE_AFTER_REPLY: Question(
        "Is this address dead?",
        "Our mail bounced, although a person has answered from the address since. The status stayed as it was.",
        "It is alive: the status stays",
    ),
    ReviewKind.NEAR_OPT_OUT: Question(
        "What does this mail say?",
        "The machine is sure of it, and an opt-out was its next thought. Agree, and its word stands; else yours.",
        "Gives no class",
    ),
    ReviewKind.MOVED_BACK: Question(
        "What is this mail really?",
        "We had filed it in a folder, and somebody put it back. That alone has changed nothing.",
        "Everything stays as it is",
    ),
    ReviewKind.RANDOM_SAMPLE: Question(
        "What does this mail say?",
        "Drawn at random, so that we learn how often the machine is right. Agree, and its word stands; else yours.",
        "Gives no class",
    ),
    ReviewKind.LOW_CONFIDENCE: Question(
        "What does this mail say?",
        "The machine is not sure, so it counts as Engaged until you answer.",
        "Gives no class; stays Engaged",
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
    Status.ENGAGED: "Neutral, or nothing else fits",
    Status.INTERESTED: "Positive, and nothing else",
    Status.NOT_INTERESTED: "Declines: ends the sequence",
    Status.AUTO_RESPONSE: "A machine, and no absence",
    Status.OUT_OF_OFFICE: "Away: pauses the sequence",
    Status.UNSUBSCRIBED: "Asks us to stop: Do Not Email",
    Status.BOUNCED: "The address is dead: Do Not Email",
    Status.APPOINTMENT_BOOKED: "Booked: ends the sequence",
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
