"""A delivery report's words for people: a failure or a delay, about whom, and what did the server say?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from classifier.bounces.findings import unique
from classifier.bounces.notice_words import (
    CHALLENGE,
    DELAY,
    DELAY_SUBJECT,
    FAILED,
    FAILURE,
    GOES_ON,
    NOT_DELIVERED,
    OVER,
    SUCCESS,
    UNDELIVERED,
)
from classifier.bounces.returned import ReturnedMail
from classifier.decode import addresses_in, valid_address

MOST_WORDS = 20_000
MOST_LINES = 300
LONGEST_LINE = 1_000
_ADDRESS = r"<?[\"']?([a-z0-9_!#$%&*+/=?^~.-][a-z0-9_!#$%&'*+/=?^~.-]{0,63}@[a-z0-9_.-]{3,253})[\"']?>?"
_BULLET = r"^[\s>*\-.\u2022]{0,12}"
_ALONE = re.compile(rf"{_BULLET}{_ADDRESS}[\s.,;:]*(?:\(.{{0,200}}\))?$", re.IGNORECASE)
_WITH_ITSELF = re.compile(rf"{_BULLET}{_ADDRESS}\s{{1,4}}<[^<>\s]{{3,320}}>[\s.,;:]*$", re.IGNORECASE)
_FIRST = re.compile(rf"{_BULLET}{_ADDRESS}\s{{0,4}}(?:[:,;(\[=]|\.\.\.|\s-\s|\s\w)", re.IGNORECASE)
_NAMED = re.compile(
    r"(?:\b(?:to|for|recipient|recipients|address|addresses|addressed|user|users|mailbox|account|rcpt|an|"
    r"destinataire|utente|utilisateur|usuario|benutzer|destinatario|destinatário|odbiorc\w|empf.nger|reach|deliver|delivering|name|mail|e-?mail|of|id)"
    r"(?:\(s\)|\(es\))?\b[^@\n]{0,25}?[\s:<\"'(=\[]|550[^@\n]{0,30}[\s<(])" + _ADDRESS,
    re.IGNORECASE,
)
_LAST = re.compile(
    rf"^(?!\s*(?:from|sender|reply-to|return-path|to|cc|contact)\b).{{0,80}}:\s{{0,4}}{_ADDRESS}\s*$", re.IGNORECASE
)
_REPLY_LINE = re.compile(r"(?<![\d.@])[45]\d\d[ \-#:]|(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])")
_COPIED = re.compile(r"(?:to|cc|an|à|para|a)\s{0,3}:", re.IGNORECASE)
"""A field of our own mail, which some systems tell before what became of it."""
_ABOUT_US = re.compile(
    r"(?:[^a-z]{0,40}|\w{3} \d{4}-\d\d-\d\d [\d:]{8}: )(?:message-?id|identificativo messaggio|mid|id|mail from"
    r"|from|sender|original sender|reply-?to|return-?path|von|de|da|absender|your (?:mailbox|account|inbox))"
    r"\s{0,12}[:<=]|.{0,80}\bmail from:",
    re.IGNORECASE,
)
"""Lines that name our mail or its sender."""
_HELP = re.compile(
    r"\b(?:contact|questions?|assist(?:ance)?|help|support|write to|forward (?:it|this|the)|if you (?:think|believe)"
    r"|mail (?:to )?us|kontakt|fragen|hilfe|contacter|aide|contacte|ayuda|contatt|assistenza)\b",
    re.IGNORECASE,
)
"""Words before an address that is there to be asked."""
_HELP_FOLLOWS = re.compile(
    r"\b(?:contact|assistance|help|questions?|(?:please|send) (?:e-?)?mail|write to|forward it to)\W{0,3}$",
    re.IGNORECASE,
)
_SYSTEMS = ("postmaster@", "mailer-daemon@", "abuse@", "helpdesk@", "support@")
_SEVERAL = 2
_PARAGRAPH = 8
"""Lines of a server's answer at most."""


@dataclass(frozen=True)
class Notice:
    """The words of a report, without the mail it returns; `folded` is what phrases are looked for in."""

    subject: str
    words: str

    @cached_property
    def folded(self) -> str:
        """The words in lower case, as far as they are looked at."""
        return self.words[:MOST_WORDS].lower()

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines, as far as they are looked at, without the blanks around them."""
        return tuple(line.strip()[:LONGEST_LINE] for line in self.words.split("\n")[:MOST_LINES])

    @property
    def tells_failure(self) -> bool:
        """Say whether the words tell of a mail that did not arrive."""
        return bool(FAILURE.search(self.folded) or FAILURE.search(self.subject.lower()))

    @property
    def is_about_delivery(self) -> bool:
        """Say whether the words speak of a mail that did not arrive, and not just of some failure."""
        return bool(UNDELIVERED.search(self.folded) or UNDELIVERED.search(self.subject.lower()))

    @property
    def tells_success(self) -> bool:
        """Say whether the words tell that the mail arrived, and of no failure with a code."""
        denied = NOT_DELIVERED.search(self.folded) or _REPLY_LINE.search(self.folded)
        return SUCCESS.search(self.folded) is not None and not denied

    @property
    def tells_delay(self) -> bool:
        """Say whether the words tell that the mail is still being tried."""
        goes_on = GOES_ON.search(self.folded) is not None
        if not goes_on and not DELAY.search(self.folded):
            return DELAY_SUBJECT.search(self.subject.lower()) is not None and not OVER.search(self.folded)
        if DELAY_SUBJECT.search(self.subject.lower()):
            return True
        return not OVER.search(self.folded) and (goes_on or not FAILED.search(self.folded))

    @property
    def asks_to_confirm(self) -> bool:
        """Say whether it holds the mail until its sender confirms that a person wrote it."""
        return CHALLENGE.search(" ".join(self.folded.split())) is not None


def recipients(
    notice: Notice, returned: ReturnedMail, others: frozenset[str], formats: Callable[[], tuple[str, ...]]
) -> tuple[str, ...]:
    """Return the addresses the report is about: named where a report names them, never just any address in the text.

    Args:
        notice: the report's words.
        returned: the mail it returns; what it was sent to confirms what the words name.
        others: addresses that are not meant: our own, the report's sender and reader.
        formats: asked for the addresses where the returned mail confirms none.
    """
    known = (*returned.to_addresses, *returned.delivered_for)
    named = [each for each in _named(notice) if each in known or _may_be_meant(each, others)]
    if answered := unique(each for each in named if each in known):
        return answered
    ours = others | {each for line in notice.lines if _ABOUT_US.match(line) for each in addresses_in(line)}
    if found := unique(each for each in formats() if each not in ours) or unique(named):
        return found
    left = unique(each for each in known if each not in others)
    return left if len(left) == 1 else ()


def only_address(notice: Notice, others: frozenset[str]) -> tuple[str, ...]:
    """Return the one address the words hold besides those that are not meant; nothing where they hold several."""
    lines = "\n".join(line for line in _telling_lines(notice) if not _HELP.search(line))
    found = unique(each for each in addresses_in(lines) if _may_be_meant(each, others))
    return found if len(found) == 1 else ()


def _may_be_meant(address: str, others: frozenset[str]) -> bool:
    return address not in others and not address.startswith(_SYSTEMS)


def _telling_lines(notice: Notice) -> Iterator[str]:
    """Yield the lines with an address that is not plainly ours, or whom to ask for help."""
    before = ""
    for line in notice.lines:
        if "@" in line and not _ABOUT_US.match(line) and not _HELP_FOLLOWS.search(before):
            yield line
        before = line or before


def _named(notice: Notice) -> list[str]:
    found: list[str] = []
    weak: list[str] = []
    copied: list[str] = []
    for line in _telling_lines(notice):
        strong = _ALONE.match(line) or _WITH_ITSELF.match(line) or _FIRST.match(line)
        into = copied if _COPIED.match(line) else (found if strong else weak)
        for each in [strong] if strong else _weakly_named(line):
            address = valid_address(each[1])
            if address and not _HELP.search(line[: each.start(1)]):
                into.append(address)
    return found or weak or copied


def _weakly_named(line: str) -> Iterator[re.Match[str]]:
    yield from _LAST.finditer(line)
    yield from _NAMED.finditer(line)


def said_of(notice: Notice, addresses: tuple[str, ...]) -> list[tuple[str | None, str]]:
    """Return each address with what the refusing server said of it; of several, only those it said something of."""
    lines = notice.lines
    low = [line.lower() for line in lines] if addresses else []
    coded = [at for at, line in enumerate(lines) if _REPLY_LINE.search(line)]
    naming = {
        each: [at for at, line in enumerate(low) if each in line and not _COPIED.match(line)] for each in addresses
    }
    if len(addresses) < _SEVERAL:
        return [(each, _said(lines, coded, places, len(lines))) for each, places in naming.items()] or [
            (None, _said(lines, coded, [], len(lines)))
        ]
    everywhere = {at for places in naming.values() for at in places}
    said = [(each, _of_one(lines, coded, places, everywhere)) for each, places in naming.items()]
    return [(each, words) for each, words in said if words] or [(each, "") for each in addresses]


def _of_one(lines: tuple[str, ...], coded: list[int], places: list[int], everywhere: set[int]) -> str:
    """Return what was said of one address among several: a line with a code that names it, else what follows it.

    In a list of addresses with one reason below them, the reason is that of each.
    """
    others = sorted(everywhere.difference(places))
    for at in places:
        if at in coded:
            return _said(lines, [at], [at], _next(others, at, len(lines)))
    if not places:
        return ""
    start = places[0]
    end = _next(others, start, len(lines))
    if within := [at for at in coded if start <= at < end]:
        return _said(lines, within, places, end)
    at = start
    while at < len(lines) and (not lines[at] or (at in everywhere and _ALONE.match(lines[at]))):
        at += 1
    below = [each for each in coded if each >= at]
    return _said(lines, below, [at], _next(sorted(everywhere), at, len(lines))) if at > start and below else ""


def _next(places: list[int], at: int, otherwise: int) -> int:
    return next((each for each in places if each > at), otherwise)


def _said(lines: tuple[str, ...], coded: list[int], places: list[int], end: int) -> str:
    """Return the lines after the address, from the first with a reply code on where there is one."""
    after = places[0] if places else None
    if coded:
        start = next((at for at in coded if after is None or at >= after), coded[0])
        return " ".join(_paragraph(lines[:end], start))
    return " ".join(_paragraph(lines[:end], after)) if after is not None else ""


def _paragraph(lines: tuple[str, ...], start: int) -> list[str]:
    paragraph = list(lines[start : start + _PARAGRAPH])
    end = next((at for at, line in enumerate(paragraph) if not line and at > 0), len(paragraph))
    return paragraph[:end] if end > 1 or not paragraph else [line for line in paragraph if line][:3]
