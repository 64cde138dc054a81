"""The vocabulary of step 3: what we think a message is, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class ReplyClass(StrEnum):
    """The six classes a reply can belong to."""

    ENGAGED = "Engaged"
    INTERESTED = "Interested"
    NOT_INTERESTED = "Not Interested"
    AUTO_RESPONSE = "Auto Response"
    OUT_OF_OFFICE = "Out of Office"
    UNSUBSCRIBED = "Unsubscribed"


class BounceKind(StrEnum):
    """What a delivery report means for the address it names."""

    HARD = "hard"
    """The address is dead."""
    SOFT = "soft"
    """It may recover."""
    POLICY = "policy"
    """They refuse us or the content; never the recipient's fault."""
    DELAYED = "delayed"
    """Still being tried."""
    UNKNOWN = "unknown"
    """A failure whose cause nothing tells; bans nobody."""


class ReceiptKind(StrEnum):
    """Reports that are neither a failure nor a reply."""

    DELIVERED = "delivered"
    """A delivery status notification of success (RFC 3464: delivered, relayed, expanded)."""
    READ = "read"
    """A message disposition notification (RFC 8098)."""
    AGGREGATE = "aggregate"
    """A DMARC or TLS report about our domain as a whole."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason for a verdict: which detector spoke, and which words or fields made it speak."""

    detector: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """A report that a mail of ours could not be delivered, or not yet.

    `recipients` are validated, lower-case addresses in the order the report names them (the Original-Recipient
    where there is one). `original_message_ids` are the ids, without angle brackets, of the returned mail.
    """

    kind: BounceKind
    recipients: tuple[str, ...]
    reason: str
    """One word or a few with underscores, from the table of reasons: user_unknown, mailbox_full, ..."""
    status: str | None = None
    """Enhanced status code of RFC 3463: 5.1.1"""
    smtp_reply: str | None = None
    """Three-digit reply code: 550"""
    action: str | None = None
    diagnostic: str | None = None
    reporting_mta: str | None = None
    original_message_ids: tuple[str, ...] = ()
    original_subject: str | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """A feedback report (RFC 5965): somebody pressed "this is spam"."""

    feedback_type: str
    recipients: tuple[str, ...] = ()
    original_message_ids: tuple[str, ...] = ()
    original_subject: str | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A report of success or reading; neither a reply nor a failure."""

    kind: ReceiptKind
    recipients: tuple[str, ...] = ()
    original_message_ids: tuple[str, ...] = ()
    original_subject: str | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """Somebody, or their mail program for them, asks to get no more mail."""

    visible_text: str = ""
    language: str | None = None
    by_machine: bool = False
    """The request stands in an automatic answer's own words: acts, and a person looks at it."""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """An absence notice, by machine or by hand."""

    return_date: date | None = None
    """The day the person is back, or None where the text does not say."""
    new_contact: str | None = None
    visible_text: str = ""
    language: str | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoResponse:
    """A machine answered, and it is no absence notice.

    `perhaps_absent` says that no rule knows its words, so that the classifier may call it an absence notice after all.
    """

    new_contact: str | None = None
    visible_text: str = ""
    language: str | None = None
    perhaps_absent: bool = False
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A person wrote, as far as rules can tell; the trained classifier says which class it is.

    `sure` says whether `confidence` reached the artifact's threshold; `hold` that it may be an opt-out that is not
    sure, whatever class came first, so nothing more may be sent before a person has looked.
    """

    reply_class: ReplyClass
    confidence: float
    probabilities: dict[str, float] = field(default_factory=dict)
    sure: bool = False
    hold: bool = False
    near_opt_out: bool = False
    """Neither held nor an opt-out, and yet not far from being held: worth a person's look."""
    visible_text: str = ""
    language: str | None = None
    artifact: str | None = None
    """Version of the artifact that decided, or None where a rule did."""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """Our own mail, seen in one of our own folders."""

    evidence: tuple[Evidence, ...] = ()


Verdict = Bounce | Complaint | Receipt | OptOut | Absence | AutoResponse | Reply | Outgoing

NAMES: dict[type, str] = {
    Bounce: "bounce",
    Complaint: "complaint",
    Receipt: "receipt",
    OptOut: "opt_out",
    Absence: "absence",
    AutoResponse: "auto_response",
    Reply: "reply",
    Outgoing: "outgoing",
}
"""What each verdict is called in JSON and in the database."""


def name_of(verdict: Verdict) -> str:
    """Return the name of the verdict's kind: bounce, complaint, ..."""
    return NAMES[type(verdict)]
