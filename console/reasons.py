"""Says in plain words what decided about a mail: the reasons as they are stored name detectors and keys."""

from __future__ import annotations

import re
from collections.abc import Mapping

from worker.queries.figures import LABELS

_NAMES: Mapping[str, str] = {
    "absence": "Absence notice",
    "aggregate": "Report about our domain as a whole",
    "automatic_answer": "Automatic answer",
    "bounce": "Delivery report",
    "calendar_answer": "Answer to an invitation",
    "certified_mail": "Receipt of certified mail",
    "challenge": "Asks for confirmation",
    "classifier": "Classifier",
    "complaint": "Spam complaint",
    "opt_out_alias": "Asks for no more mail",
    "opt_out_by_program": "Asks for no more mail, by a button of the mail program",
    "opt_out_subject": "Asks for no more mail, in the subject",
    "opt_out_words": "Asks for no more mail",
    "outgoing": "Our own mail",
    "read_receipt": "Read receipt",
    "reason": "Why it failed",
    "ses_notification": "Notification of Amazon SES",
}
_QUOTED = frozenset({"opt_out_subject", "opt_out_words"})
"""Their reason is nothing but words of the mail."""
_MATCHED: tuple[tuple[str, str], ...] = (
    ("message-id ", "Belongs to our mail by its Message-ID"),
    ("token ", "Belongs to our mail by the address it was sent to"),
    ("link ", "Belongs to our mail by its unsubscribe link"),
    ("failed address, subject", "Seems to belong to our mail by the failed address and the subject"),
    ("from, subject", "Seems to belong to our mail by sender and subject"),
    ("from", "Comes from somebody we mailed; nothing else ties it to our mail"),
)
_SAYS = re.compile(r"""says (?P<quote>['"])(?P<words>.*)(?P=quote)""", re.DOTALL)
_TERMS, _MEANING = "words: ", "; and the meaning of the whole"


def in_words(reason: str) -> str:
    """Return a stored reason as people say it; what a person or a rule said stays as it is."""
    if reason.startswith("matched by "):
        return _matched(reason.removeprefix("matched by "))
    detector, _, because = reason.partition(": ")
    name = _NAMES.get(detector)
    if name is None or not because:
        return reason
    return f"{name}: {_because(detector, because)}"


def _because(detector: str, because: str) -> str:
    if detector in _QUOTED:
        return _quoted(because)
    if said := _SAYS.fullmatch(because):
        return f"says {_quoted(said['words'])}"
    if detector == "classifier" and because.startswith(_TERMS):
        terms = because.removeprefix(_TERMS).removesuffix(_MEANING).split(", ")
        also = ", and by the meaning of the whole" if because.endswith(_MEANING) else ""
        return f"went by {', '.join(map(_quoted, terms))}{also}"
    return because


def _matched(keys: str) -> str:
    for begins, words in _MATCHED:
        if keys.startswith(begins):
            value = keys.removeprefix(begins) if begins.endswith(" ") else ""
            return f"{words} ({value})" if value else words
    return f"Belongs to our mail by {keys}"


def _quoted(words: str) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{words}\N{RIGHT DOUBLE QUOTATION MARK}"


def verdict_in_words(kind: str | None, reply_class: str | None = None) -> str:
    """Return what a mail was taken for; None: it could not be judged."""
    if kind is None:
        return "Not judged"
    return reply_class or LABELS.get(kind, "Our own mail")
