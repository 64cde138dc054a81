"""What programs and companies put around the sender's words: signatures, phone footers, legal footers, banners."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice

from classifier.footer_words import (
    BANNER_ADVICE,
    BANNER_BEGINS,
    BANNER_OUTSIDE,
    BEFORE,
    CONFIDENTIAL,
    CONSEQUENCES,
    DEVICES,
    ENVIRONMENT,
    EXCUSES,
    INTENDED,
    MAIL,
    POSTSCRIPTS,
    PRINTING,
    SCANNED,
    SCANNERS,
    SCANNING,
    SENT_BEGINS,
    SENT_ENDS,
    SIGN_OFFS,
    VIRUS_FREE,
)

LONGEST_FOOTER_LINE = 120
LONGEST_BANNER = 600
LONGEST_ADVICE = 300
SHORTEST_LEGAL = 90
"""A paragraph about confidentiality that is shorter may be the answer."""
MOST_SIGNATURE_LINES = 14
FEW_WORDS = 8
LONGEST_SIGN_OFF = 50

_STRICT_DELIMITER = re.compile(r"--[ \t]*$")
_LOOSE_DELIMITER = re.compile(r"(?:__|—|–|_{4,}|-{10,}|\*{5,}|={5,})[ \t]*$")
_RULE = re.compile(r"[ \t]*[-_=*—–]{3,}[ \t]*$")
_LINK = re.compile(r"[<\[(]?(?:https?://|www\.|#[\dA-F]{8}-)[^\s>]{1,1000}[>\])]?[ \t]*$", re.IGNORECASE)
_SENTENCE = re.compile(r"(?:[^\W\d_]\S{0,30}\s+){3,}\S{1,40}[.!?]\s*$")
_CONTACT = re.compile(
    r"\+?\d[\d\s()./-]{6,20}\d|\w@\w|www\.|https?://|\bHRB\b|\bregistered in\b|linkedin",
    re.IGNORECASE,
)
_OF_A_PHONE = re.compile(r"sent (?:from|via|with) (?:my )?(?:\S{1,40} ?){1,5}$", re.IGNORECASE)
_ASKS = re.compile(r"\?(?:\s|$)")
_PUNCTUATION = " \t,.;:!*_-–—"


def without_footers(lines: Sequence[str], *, first: bool) -> list[str]:
    """Return lines without what was not typed for this mail; when in doubt, they stay.

    Args:
        lines: the sender's own lines, up to the next quotation.
        first: whether the mail begins with them, and a banner may stand there.
    """
    kept = list(lines)
    lowered = "\n".join(kept).lower()
    if first and _has(lowered, BANNER_OUTSIDE):
        kept = _without_banner(kept)
    if _has(lowered, CONFIDENTIAL) or _has(lowered, SCANNED) or _has(lowered, ENVIRONMENT):
        kept = _without_paragraphs(kept)
    if _has(lowered, DEVICES) or _has(lowered, EXCUSES):
        kept = _without_phone(kept)
    kept = _without_signature(kept, first=first)
    return _without_contacts(kept) if _CONTACT.search("\n".join(kept)) else kept


def without_rules(lines: Sequence[str]) -> list[str]:
    """Return lines without the rules and blank lines at their end."""
    end = len(lines)
    while end and (not lines[end - 1] or _RULE.match(lines[end - 1])):
        end -= 1
    return list(lines[:end])


def _has(text: str, words: Iterable[str]) -> bool:
    return any(word in text for word in words)


def _count(text: str, words: Iterable[str]) -> int:
    return sum(word in text for word in words)


def _without_banner(lines: list[str]) -> list[str]:
    """Drop "CAUTION: This email originated from outside ..." from the top, to its last line that says so."""
    start = next((at for at, line in enumerate(lines) if line), 0)
    end = next((at for at in range(start, len(lines)) if not lines[at]), len(lines))
    paragraph = [line.lower() for line in lines[start:end]]
    text = " ".join(paragraph)
    if not text.strip(" *_[(<>!#|-⚠️").startswith(BANNER_BEGINS):
        return lines
    bare = len(text) <= len("[external email]") + 4 and "extern" in text  # "[EXTERNAL]", alone in its line
    if not bare and not (
        len(text) <= LONGEST_BANNER and _has(text, BANNER_OUTSIDE) and _count(text, BANNER_ADVICE) > 1
    ):
        return lines
    last = max(at for at, line in enumerate(paragraph) if bare or _has(line, (*BANNER_ADVICE, *BANNER_OUTSIDE)))
    return without_leading_rules(lines[start + last + 1 :])


def without_leading_rules(lines: list[str]) -> list[str]:
    """Return lines without the rules and blank lines at their beginning."""
    start = 0
    while start < len(lines) and (not lines[start] or _RULE.match(lines[start])):
        start += 1
    return lines[start:]


def _without_paragraphs(lines: list[str]) -> list[str]:
    """Drop legal footers, the advertisements of virus scanners, and the request not to print."""
    kept: list[str] = []
    legal = False
    for start, end in _paragraphs(lines):
        paragraph = lines[start:end]
        text = " ".join(paragraph).lower()
        if _is_legal(text, after_one=legal):
            legal = True
            kept.extend(_before_the_legal_words(paragraph))
        elif not _is_advertisement(text):
            kept.extend(paragraph)
        kept.append("")
    return kept


def _paragraphs(lines: list[str]) -> Iterable[tuple[int, int]]:
    start = 0
    for at in range(len(lines) + 1):
        if at == len(lines) or not lines[at]:
            if at > start:
                yield start, at
            start = at + 1


def _is_legal(text: str, *, after_one: bool) -> bool:
    if after_one:
        return (
            sum(_has(text, words) for words in (MAIL, CONFIDENTIAL, INTENDED, CONSEQUENCES)) > 1
            and len(text) > SHORTEST_LEGAL
        )
    return (
        len(text) >= SHORTEST_LEGAL
        and _has(text, CONFIDENTIAL)
        and _has(text, INTENDED)
        and _has(text, MAIL)
        and not _ASKS.search(text)
    )


def _before_the_legal_words(paragraph: list[str]) -> list[str]:
    """Return the lines above the legal words where they stand in one paragraph with a signature."""
    for at, line in enumerate(paragraph):
        lowered = line.lower()
        if len(line) > LONGEST_SIGN_OFF and sum(_has(lowered, words) for words in (MAIL, CONFIDENTIAL, INTENDED)) > 1:
            return paragraph[:at]
    return []


def _is_advertisement(text: str) -> bool:
    if len(text) > LONGEST_ADVICE or _ASKS.search(text):
        return False
    if (
        text.lstrip("<[").startswith(VIRUS_FREE)
        or _has(text, PRINTING)
        and _has(text, BEFORE)
        and _has(text, ENVIRONMENT)
    ):
        return True
    return _has(text, SCANNED) and _has(text, SCANNERS) and _has(text, SCANNING)


def _without_phone(lines: list[str]) -> list[str]:
    """Drop "Sent from my iPhone" and its like, each with the link below it; what is typed below stays."""
    kept: list[str] = []
    after = False
    for line in lines:
        if line and _is_of_a_phone(line):
            after = True
        elif not (after and line and _LINK.match(line)):
            after = after and not line
            kept.append(line)
    return kept


def _is_of_a_phone(line: str) -> bool:
    if len(line) > LONGEST_FOOTER_LINE or line.endswith("?"):
        return False
    lowered = line.lower().strip(" \t-_*~[(<")
    if lowered.startswith(EXCUSES):
        return True
    if line.endswith(".") and len(lowered.split()) > FEW_WORDS and not lowered.endswith(SENT_ENDS):
        return _has(lowered, EXCUSES)
    if _has(lowered, DEVICES) and len(lowered.split()) <= MOST_SIGNATURE_LINES:
        return lowered.startswith(SENT_BEGINS) or lowered.rstrip(" .").endswith(SENT_ENDS)
    return bool(_OF_A_PHONE.match(lowered))


def _without_signature(lines: list[str], *, first: bool) -> list[str]:
    """Cut at a signature's delimiter; a postscript below it stays, and so does text under a mere rule."""
    for at, line in enumerate(lines):
        if not line or line[0] not in "-_—–*=":
            continue
        below = lines[at + 1 :]
        words_above = any(lines[:at])
        if _STRICT_DELIMITER.match(line):
            cut = words_above or _looks_like_a_signature(below)
        else:
            cut = (words_above or not first) and bool(_LOOSE_DELIMITER.match(line)) and _looks_like_a_signature(below)
            # Where a piece begins with a rule, it may be the answer below a quotation.
            cut = cut and (words_above or any(_CONTACT.search(each) for each in below))
        if cut:
            return lines[:at] + _postscript(below)
    return lines


def _looks_like_a_signature(lines: Sequence[str]) -> bool:
    written = list(islice((line for line in lines if line), MOST_SIGNATURE_LINES + 1))
    return len(written) <= MOST_SIGNATURE_LINES and not any(_SENTENCE.search(line[:400]) for line in written)


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
        if _looks_like_a_signature(below) and any(_CONTACT.search(line) for line in below):
            return lines[:start]
        return lines
    return lines


def _is_sign_off(line: str) -> bool:
    return 0 < len(line) <= LONGEST_SIGN_OFF and line.strip(_PUNCTUATION).lower() in _SIGN_OFFS


_SIGN_OFFS = frozenset(SIGN_OFFS)
