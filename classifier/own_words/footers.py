"""Signatures and phone footers at the end of the sender's words."""

# ruff: noqa: RUF001 - the dashes of many lengths are all meant.
from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from classifier.own_words.footer_words import DEVICES, EXCUSES, PERSONAL, POSTSCRIPTS, SENT_BEGINS, SENT_ENDS, SIGN_OFFS

LONGEST_FOOTER_LINE = 120
MOST_SIGNATURE_LINES = 14
FEW_WORDS = 8
FEW_SMALL_WORDS = 4
"""A title or an address rarely has more words in small letters."""
SHORTEST_SPEAKING = 4
LONGEST_SIGN_OFF = 50
LONGEST_SENTENCE = 400

_STRICT_DELIMITER = re.compile(r"--[ \t]*$")
_LOOSE_DELIMITER = re.compile(r"(?:__|—|–|_{4,}|-{10,}|\*{5,}|={5,})[ \t]*$")
_RULE = re.compile(r"[ \t]*[-_=*—–]{3,}[ \t]*$")
_LINK = re.compile(r"[<\[(]?(?:https?://|www\.|#[\dA-F]{8}-)[^\s>]{1,1000}[>\])]?[ \t]*$", re.IGNORECASE)
_CONTACT = re.compile(
    r"(?:\+|(?<!\w)0)\d[\d\s()/-]{5,20}\d|\d{3}\)?[ -]\d{3}[ .-]\d{4}|\b(?:tel|phone|fax|mob)\w{0,4}\W{1,4}\d"
    r"|\w@\w|www\.|https?://|\bHRB\b|\bregistered in\b|linkedin",
    re.IGNORECASE,
)
_OF_A_PHONE = re.compile(r"sent (?:from|via|with) (?:my )?(?:\S{1,40} ?){1,5}$", re.IGNORECASE)
_CJK_ENDS = ("。", "！", "？")
_PUNCTUATION = " \t,.;:!*_-–—"
_ORNAMENT = " \t-_*~[(<"
_HEAD, _TAIL = 3, 4
_HEADS = frozenset(words[:_HEAD] for words in (*SENT_BEGINS, *EXCUSES))
_TAILS = frozenset(words[-_TAIL:] for words in SENT_ENDS)
"""The first and last letters of a phone's footers: few other lines have them, and looking them up costs little."""
_SIGN_OFFS = frozenset(SIGN_OFFS)


def without_signature(lines: list[str], *, first: bool) -> list[str]:
    """Return lines without a phone's footer and a signature; when in doubt, they stay.

    Args:
        lines: the sender's own lines, up to the next quotation.
        first: whether the mail begins with them; else other words of the sender may stand before them.
    """
    lines = _without_phone(lines)
    lines = _without_delimited(lines, first=first)
    return _without_contacts(lines)


def without_rules(lines: Sequence[str]) -> list[str]:
    """Return lines without the rules and blank lines at both ends."""
    start, end = 0, len(lines)
    while end and (not lines[end - 1] or _RULE.match(lines[end - 1])):
        end -= 1
    while start < end and (not lines[start] or _RULE.match(lines[start])):
        start += 1
    return list(lines[start:end])


def _without_phone(lines: list[str]) -> list[str]:
    """Drop "Sent from my iPhone" and its like, each with the link below it; what is typed below stays."""
    # Lowered at one go: this is asked of every line of every mail.
    lowered = "\n".join(lines).lower().split("\n")
    found = {
        at
        for at, line in enumerate(lowered)
        if (line.lstrip(_ORNAMENT)[:_HEAD] in _HEADS or line[-_TAIL:] in _TAILS) and _is_of_a_phone(line)
    }
    if not found:
        return lines
    kept: list[str] = []
    after = False
    for at, line in enumerate(lines):
        if at in found:
            after = True
        elif not (after and line and _LINK.match(line)):
            after = after and not line
            kept.append(line)
    return kept


def _is_of_a_phone(line: str) -> bool:
    lowered = line.lstrip(_ORNAMENT)
    if len(lowered) > LONGEST_FOOTER_LINE or lowered.endswith("?"):
        return False
    if lowered.startswith(EXCUSES):
        return True
    begins, ends = lowered.startswith(SENT_BEGINS), lowered.endswith(SENT_ENDS)
    if len(lowered.split()) > FEW_WORDS and lowered.endswith(".") and not ends:
        return begins and any(words in lowered for words in EXCUSES)
    device = any(word in lowered for word in DEVICES)
    return (device and (begins or ends)) or bool(_OF_A_PHONE.match(lowered))


def _without_delimited(lines: list[str], *, first: bool) -> list[str]:
    """Cut at a signature's delimiter; a postscript below it stays, and so does text under a mere rule."""
    for at, line in enumerate(lines):
        if not line or line[0] not in "-_—–*=":
            continue
        below = lines[at + 1 :]
        words_above = any(lines[:at])
        if _STRICT_DELIMITER.match(line):
            cut = words_above or looks_like_a_signature(below)
        else:
            cut = (words_above or not first) and bool(_LOOSE_DELIMITER.match(line)) and looks_like_a_signature(below)
            # Where a piece begins with a rule, it may be the answer below a quotation.
            cut = cut and (words_above or any(_CONTACT.search(each) for each in below))
        if cut:
            return lines[:at] + _postscript(below)
    return lines


def looks_like_a_signature(lines: Sequence[str]) -> bool:
    """Say whether lines are few, and none of them a sentence."""
    written = list(islice((line for line in lines if line), MOST_SIGNATURE_LINES + 1))
    return len(written) <= MOST_SIGNATURE_LINES and not any(_is_prose(line[:LONGEST_SENTENCE]) for line in written)


def _is_prose(line: str) -> bool:
    """Tell a sentence, or a piece of one, from a title or an address: by small letters and by how it ends."""
    words = line.split()
    small = [word for word in words if word[0].islower()]
    if len(small) > FEW_SMALL_WORDS or line.endswith(_CJK_ENDS):
        return True
    if any(word.strip(_PUNCTUATION).lower() in PERSONAL for word in words):
        return True
    # "In urgent cases: jim@reed.example" is no signature, "email: tom@reed.example" is one.
    speaking = [word for word in small if len(word) >= SHORTEST_SPEAKING and word.rstrip(_PUNCTUATION).isalpha()]
    if len(speaking) > 1 and (":" in line or "@" in line):
        return True
    return line.endswith((".", "!", "?")) and len(small) > 1 and len(words) > FEW_SMALL_WORDS


def _postscript(lines: Sequence[str]) -> list[str]:
    for at, line in enumerate(lines):
        if line[:4].lower().startswith(POSTSCRIPTS):
            return list(lines[at:])
    return []


def _without_contacts(lines: list[str]) -> list[str]:
    """Cut the titles, numbers and addresses below a closing line and the name under it."""
    for at in range(len(lines) - 1, max(-1, len(lines) - 3 * MOST_SIGNATURE_LINES), -1):
        if not _is_sign_off(lines[at]):
            continue
        name = next((number for number in range(at + 1, len(lines)) if lines[number]), at)
        start = name if _CONTACT.search(lines[name]) else name + 1
        below = lines[start:]
        if looks_like_a_signature(below) and any(_CONTACT.search(line) for line in below):
            return lines[:start]
        return lines
    return lines


def _is_sign_off(line: str) -> bool:
    return 0 < len(line) <= LONGEST_SIGN_OFF and line.strip(_PUNCTUATION).lower() in _SIGN_OFFS
