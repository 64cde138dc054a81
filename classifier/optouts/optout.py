"""Requests to get no more mail: by the way they were sent, and by the sender's own words."""

from __future__ import annotations

import re

from classifier.answers.automatic import is_bulk
from classifier.context import Case
from classifier.optouts.asking import asks_to_stop, is_request
from classifier.verdict import Evidence, OptOut

_BY_PROGRAM = re.compile(
    r"^apple mail sent this e-?mail to unsubscribe\b|^this (?:e-?mail|message) was (?:automatically )?(?:sent|"
    r"generated) by .{0,60} to unsubscribe\b"
)
_OF_PROGRAM = re.compile(
    r"^(?:this|the) (?:e-?mail|message) (?:was|is|has been) (?:automatically |being )?(?:sent|generated|created)\b"
    r"|^automatically (?:sent|generated)"
    r"|\b(?:generated|sent) (?:automatically )?by (?:gmail|outlook|yahoo|fastmail|thunderbird)"
    r"|^sent on behalf of"
)
"""What a program writes below such a subject."""
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
    subject = is_request(case.folded_subject)
    if subject and (not case.folded.strip() or _OF_PROGRAM.search(case.folded[:300])):
        # The press of a button in a mail program leaves nothing to be said below.
        return _found(case, "opt_out_by_program", f"subject {subject!r}")
    return None


def opt_out_by_words(case: Case) -> OptOut | None:
    """Recognise an explicit request in the sender's own words, or in a subject that is nothing else."""
    if is_bulk(case.parsed):
        return None
    if words := asks_to_stop(case.folded):
        return _found(case, "opt_out_words", words)
    subject = case.folded_subject
    if not _REPLY_PREFIX.match(subject) and (words := is_request(subject)):
        return _found(case, "opt_out_subject", words)
    return None


def _found(case: Case, detector: str, because: str) -> OptOut:
    return OptOut(visible_text=case.text, language=case.language, evidence=(Evidence(detector, because),))
