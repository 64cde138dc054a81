"""Requests to get no more mail: by the way they were sent, and by the sender's own words."""

from __future__ import annotations

import re

from classifier.answers.automatic import is_bulk
from classifier.answers.templates import machine_words, telling
from classifier.context import Case
from classifier.optouts.asking import asks_to_stop, is_request
from classifier.verdict import Evidence, OptOut

_BY_PROGRAM = re.compile(
    r"^apple mail sent this e-?mail to unsubscribe\b|^this (?:e-?mail|message) was (?:automatically )?(?:sent|"
    r"generated) by .{0,60} to unsubscribe\b"
)
_OF_PROGRAM = re.compile(
    r"^automatically (?:sent|generated|created)\b|^sent on behalf of\b|"
    r"\b(?:generated|sent|created) (?:automatically )?by (?:gmail|outlook|hotmail|yahoo|fastmail|thunderbird)\b"
)
"""What a program writes below a subject that is the request."""
_MOST_OF_PROGRAM = 300
"""Characters; a program says no more."""
_REPLY_PREFIX = re.compile(r"^(?:re|aw|antw|sv|res|odp|rif|ref)\s?:")


def opt_out_by_envelope(case: Case) -> OptOut | None:
    """Recognise mail to an opt-out alias of ours (RFC 2369), and what mail programs send at a press of a button."""
    aliases = case.context.opt_out_aliases
    alias = next((each for each in case.parsed.to_addresses if each in aliases), None) if aliases else None
    if alias:
        # The alias alone is the request, even with an empty body; a bounce or a report never gets this far.
        return _found(case, "opt_out_alias", f"sent to {alias}")
    if (case.parsed.header("X-Apple-Unsubscribe") or "").strip().lower() == "true":
        return _found(case, "opt_out_by_program", "X-Apple-Unsubscribe: true")
    if program := _BY_PROGRAM.search(case.folded[:300]):
        return _found(case, "opt_out_by_program", program[0])
    if (words := _subject_asks(case)) and _says_nothing_else(case.folded):
        return _found(case, "opt_out_subject", words)
    return None


def opt_out_by_words(case: Case) -> OptOut | None:
    """Recognise an explicit request in the sender's own words, or in a subject that is nothing else."""
    if is_bulk(case.parsed):
        return None
    if words := asks_to_stop(case.folded):
        return _found(case, "opt_out_words", words)
    if words := _subject_asks(case):
        return _found(case, "opt_out_subject", words)
    return None


def _subject_asks(case: Case) -> str | None:
    subject = case.folded_subject
    return None if _REPLY_PREFIX.match(subject) or is_bulk(case.parsed) else is_request(subject)


def _says_nothing_else(text: str) -> bool:
    """Say whether there is nothing below the subject, the request again, or the sentence of a mail program."""
    if not text.strip() or is_request(text):
        return True
    if len(text) > _MOST_OF_PROGRAM:
        return False
    return bool(_OF_PROGRAM.search(text) or machine_words(telling(text)))


def _found(case: Case, detector: str, because: str) -> OptOut:
    return OptOut(visible_text=case.text, language=case.language, evidence=(Evidence(detector, because),))
