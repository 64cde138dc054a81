"""Where does the quoted mail begin? The lines that mail programs of many languages put before it."""

# ruff: noqa: RUF001 - letters of many scripts look alike, and each of them is meant.
from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from classifier.own_words.quote_words import LANGUAGES

MOST_INTRODUCTION_LINES = 4
"""An introduction like "On ... wrote:" is folded over so many lines at most."""
MOST_HEADER_LINES = 9
MOST_TRIES = 200
"""So many lines of a text are looked at closely; a text with more that look like an introduction was made to hurt."""
LONGEST_LINE = 500
LONGEST_INTRODUCTION = 600
LONGEST_SEPARATOR = 120
LONGEST_FIELD_NAME = 24
FEW_WORDS = 6
"""A name and a verb, with nothing else beside them: "Lena Maria Ott schrieb"."""
PERHAPS_QUOTED = "\ue005"
"""Begins a line that is a quoted one only where an introduction stands above it: a bare blockquote of HTML mail."""

_COLONS = (":", "：")
_LAST_ONES = ":：>-_=*—–"
"""Characters an introduction ends with; without a colon only where there is a rule."""
_RULES = ("--", "__", "==", "—", "––", "- -")
_ORNAMENT = " \t*_-=—–"


def _alternatives(column: str) -> list[str]:
    words = (word for row in LANGUAGES.values() for word in getattr(row, column).split("|") if word)
    return sorted(set(words), key=lambda word: (-len(word), word))


def _any_of(column: str) -> str:
    return "|".join(re.escape(word) for word in _alternatives(column))


_VERB = re.compile(rf"(?<!\w)(?:{_any_of('wrote')})(?!\w)|写道|寫道|のメール|작성", re.IGNORECASE)
_VERBS_WITHIN = ("wrote:", "schrieb:", "a écrit :", "escribió:", "ha scritto:", "escreveu:", "schreef:", "skrev:")
"""Verbs after which a phone's program goes on with the quoted mail in the same line."""
_DIGIT = re.compile(r"\d")
_DATE_OPENS = r"\d{1,4}[./-]\s?\d{1,2}[./-]|\d{4}[年년]|\d{1,2}(?:st|nd|rd|th)?\.? ?\w{3,12}\.?,? \d{4}|\d{1,2}:\d{2}\b"
_OPENS = re.compile(rf"[\s>*_]{{0,4}}(?:(?:{_any_of('opens')})(?=[\s,.:\d]|$)|{_DATE_OPENS})", re.IGNORECASE)
_TIME = re.compile(r"\d{1,2}[:.h]\d{2}(?!\d)|\d{1,2}[時点시]")
_DATE = re.compile(r"(?<!\d)(?:19|20)\d{2}(?!\d)|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")
_SENTENCE_ENDS = re.compile(r"[^\W\d_]{3,}[.!?]\s+[A-ZÄÖÜÀ-Þ][a-zà-ÿ]{0,20}\s")
_ENDS_WITH_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,255}[\])>]{0,2}\s?[:：][\s*_]{0,4}$")
_DATE_AND_ADDRESS = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}\b.{0,120}<[^<>\s]{1,64}@[^<>\s]{3,255}>$")
_WITHIN_A_LINE = re.compile(
    r"\S[ -]{1,4}(?=(?:On|Am|Le|El|Il|Em|Op|Den) [^\W\d_]{2,9}\.?,? [^:]{0,60}\d{1,2}[:.h]\d{2}.{0,200}:$)"
)
_ORIGINAL = re.compile(_any_of("original"), re.IGNORECASE)
_BEGIN = tuple(_alternatives("begin"))
_FIELDS = {
    word: group for group in ("from_", "sent", "to", "subject") for word in _alternatives(group)
} | dict.fromkeys(("de", "da", "fra", "van", "von", "od", "от"), "from_")
_OF_THE_BEGINNING = frozenset({"from_", "sent"})
_MOST_OF_THEM = 3


class Quotation(NamedTuple):
    """A quoted mail is introduced by `length` lines; `kept` characters of the first of them are the sender's own."""

    length: int
    kept: int = 0


def is_quoted(line: str) -> bool:
    """Say whether a line bears a quote mark, and not arrows on both sides, as advertisements do."""
    # Asked of every line of every mail, most of which have no such mark at all.
    if line.startswith(">"):
        return not (line.startswith(">>") and line.endswith("<<"))
    return ">" in line and line.lstrip().startswith(">")


def find_introductions(lines: Sequence[str]) -> dict[int, Quotation]:
    """Return where quoted mails are introduced in the lines of one text, up to the first that nothing marks.

    After that one everything is quoted, so it is not looked at.
    """
    return _Search(lines).found


def marked_from(lines: Sequence[str], at: int) -> bool:
    """Say whether the next line with text bears a quote mark."""
    following = next((line for line in lines[at : at + MOST_HEADER_LINES] if line), "")
    return following.lstrip().startswith((">", PERHAPS_QUOTED))


class _Search:
    """One pass over the lines that may belong to an introduction, which few of an ordinary mail do."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self.found: dict[int, Quotation] = {}
        candidates = [
            at
            for at, line in enumerate(lines)
            if line and (line[-1] in _LAST_ONES or ":" in line) and (line[0] != ">" or line[-1] == ":")
        ]
        for at in candidates[:MOST_TRIES]:
            start, quotation = self._introduction_closed_at(at) or (at, self._beginning_at(at))
            if quotation:
                self.found.setdefault(start, quotation)
                if not marked_from(lines, start + quotation.length):
                    break

    def _beginning_at(self, at: int) -> Quotation | None:
        line = self._lines[at]
        if len(line) > LONGEST_LINE or is_quoted(line):
            return None
        if _is_separator(line, self._next(at)) or _begins_forwarded(line):
            return Quotation(1)
        length = self._header_block(at) if _field(line) in _OF_THE_BEGINNING else 0
        return Quotation(length) if length else None

    def _next(self, at: int) -> str:
        return next((line for line in self._lines[at + 1 : at + MOST_INTRODUCTION_LINES] if line), "")

    def _introduction_closed_at(self, close: int) -> tuple[int, Quotation] | None:
        """Look backwards for where an introduction begins that ends in this line."""
        if not _may_close(self._lines[close]) or (is_quoted(self._lines[close]) and not self._breaks_off(close - 1)):
            return None
        marked = marked_from(self._lines, close + 1)
        if marked and (kept := _words_before(self._lines[close])):
            return close, Quotation(1, kept)
        text = ""
        for start in range(close, max(-1, close - MOST_INTRODUCTION_LINES), -1):
            line = self._lines[start]
            if not line or (is_quoted(line) and start != close) or len(text) + len(line) > LONGEST_INTRODUCTION:
                break
            text = f"{line.strip()} {text}".strip()
            if not marked and "@" not in text and not _DIGIT.search(text):
                continue
            opens = bool(_OPENS.match(line)) and not self._breaks_off(start - 1)
            if (opens or self._begins_paragraph(start, close)) and _introduces(text, opens=opens, marked=marked):
                return start, Quotation(close - start + 1)
        return None

    def _breaks_off(self, at: int) -> bool:
        """Say whether a line ends within an address, which the next one goes on with."""
        if at < 0:
            return False
        line = self._lines[at]
        return line.endswith(("<", "(")) or (self._lines[at + 1].startswith(">") and line.rfind("<") > line.rfind(">"))

    def _begins_paragraph(self, start: int, close: int) -> bool:
        """Say whether an introduction may begin here without a word that tells: with a name, or in any language."""
        if start and self._lines[start - 1] and not is_quoted(self._lines[start - 1]):
            return False
        line = self._lines[start]
        return start == close or "@" in line or not line.endswith((".", "!", "?", ","))

    def _header_block(self, at: int) -> int:
        """Recognise the From, Sent, To and Subject lines that Outlook and others copy; return how many lines."""
        seen, last, with_text, address, time = set[str](), at, 0, False, False
        for number in range(at, min(at + 2 * MOST_HEADER_LINES, len(self._lines))):
            line = self._lines[number]
            with_text += bool(line)
            if with_text > MOST_HEADER_LINES:
                break
            if group := _field(line):
                seen.add(group)
                last = number
                address = address or "@" in line
                time = time or bool(_TIME.search(line[:200]) and _DATE.search(line[:200]))
        # A journey has a From, a To and a Date as well, but neither a subject nor an address.
        whole = len(seen) >= _MOST_OF_THEM and ("subject" in seen or address or time)
        return last - at + 1 if whole or (len(seen) > 1 and address and time) else 0


def wrapped_quotation(before: str, line: str, after: str) -> bool:
    """Say whether a line without a mark is the end of the quoted line before it, which a server wrapped."""
    return (
        len(before) > _WRAPPED_FROM
        and len(line) < _WRAPPED_FROM
        and line[:1].islower()
        and is_quoted(before)
        and is_quoted(after)
        and not before.endswith((".", "!", "?", ":"))
    )


_WRAPPED_FROM = 66


def _may_close(line: str) -> bool:
    """Test cheaply whether a line may be the last one of an introduction."""
    if not line or len(line) > LONGEST_LINE:
        return False
    if line[-1] in ":：":
        return True
    if line.startswith(_RULES) or line[-1] in "*_-":
        words = line.strip(_ORNAMENT)
        return bool(words and _VERB.search(words))
    if line[-1] == ">":
        return line[0].isdigit() and bool(_DATE_AND_ADDRESS.match(line))
    return "@" in line and any(verb in line for verb in _VERBS_WITHIN)


def _introduces(text: str, *, opens: bool, marked: bool) -> bool:
    """Decide whether a text like "On Monday at 10:12, Lena <lena@...> wrote:" introduces a quoted mail.

    Below it stand quote marks, or everything that follows is the quoted mail: then the text must say more, since all
    that follows would be lost by mistake.
    """
    if _DATE_AND_ADDRESS.match(text):
        return True
    address, moment, words = "@" in text, bool(_DATE.search(text)) + bool(_TIME.search(text)), len(text.split())
    # The verb is looked for last: it costs most.
    if text.startswith(_RULES):
        return (address or moment > 0 or words <= FEW_WORDS + 2) and _has_verb(text)
    if marked:
        if address and moment and text.endswith(_COLONS):
            return True
        return (words <= FEW_WORDS or (opens and moment > 0) or address) and _has_verb(text)
    complete = moment == len((_DATE, _TIME))
    if not (address or complete) or _SENTENCE_ENDS.search(text):
        return False
    return (address and complete and bool(_ENDS_WITH_ADDRESS.search(text))) or _has_verb(text)


def _has_verb(text: str) -> bool:
    return bool(_VERB.search(text))


def _words_before(line: str) -> int:
    """Return how many characters of a line are words before an introduction that begins within the line."""
    within = _WITHIN_A_LINE.search(line)
    if not within or "@" in line[: within.start()] or _VERB.search(line[: within.start() + 1]):
        return 0
    return within.start() + 1


def _is_separator(line: str, following: str) -> bool:
    """Recognise words between dashes, like "-----Original Message-----", in any language above a copied header."""
    if len(line) > LONGEST_SEPARATOR or not line.lstrip(" *>").startswith(_RULES):
        return False
    words = line.strip(_ORNAMENT)
    if not words or not line.rstrip(" *").endswith(("-", "_", "=", "—", "–")):
        return False
    return bool(_ORIGINAL.match(words)) or _field(following) is not None


def _begins_forwarded(line: str) -> bool:
    words = line.strip(" *_>:-\t").lower() if line[-1:] in {":", "*", "-", " "} else ""
    return words.startswith(_BEGIN) if words else False


def _field(line: str) -> str | None:
    """Return which kind of header field a line begins with, if with any."""
    at = line.find(":", 0, LONGEST_FIELD_NAME + 6)
    if at < 0:
        at = line.find("：", 0, LONGEST_FIELD_NAME)
    return _FIELDS.get(line[:at].strip(" \t*_|\xa0").lower()) if at > 0 else None
