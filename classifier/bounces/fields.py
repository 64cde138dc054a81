"""The machine-readable fields of a delivery status notification (RFC 3464), wherever a server put them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from classifier.bounces.findings import MOST_RECIPIENTS
from classifier.decode import UNWRITTEN, addresses_in, decode_words, valid_address
from classifier.message import ParsedMessage

STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]{1,40})[ \t]*:[ \t]*(.*)$")
_FIELDS_IN_TEXT = re.compile(r"^[ \t]*(?:Final|Original)-Recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)
_REPORT_FILE = re.compile(r"\s{0,20}(?:Reporting-MTA|Original-Envelope-Id)[ \t]*:", re.IGNORECASE)
_XTEXT = re.compile(r"(?:\+[0-9A-F]{2})+")
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_NEEDLESS_QUOTES = re.compile(r"\"([^\s\"@<>()\[\],;:\\]+)\"@")
_LAST_CHARACTER = 0x10FFFF
_FILE_TYPES = frozenset({"text/plain", "application/octet-stream"})
_NAMES = ("original-recipient", "final-recipient", "x-actual-recipient")
"""Fields that name the recipient, the one we wrote to first."""
_NAMING = frozenset(_NAMES)
_ONCE = frozenset({"final-recipient", "original-recipient", "action"})
_OF_RECIPIENT = _NAMING | {"action", "status", "diagnostic-code"}
_WITHOUT_DOT = re.compile(rf"[^\s@<>()\[\]{{}},;:\\\"'|`{UNWRITTEN}]{{1,64}}@[A-Za-z0-9-]{{1,63}}")
_OUTCOMES = ("failed", "delayed", "delivered")
"""What became of a mail, the gravest first."""
MOST_FIELD = 4_000
"""Characters of a field after which no further line is added."""

Fields = dict[str, str]


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """What a report says about one recipient."""

    address: str | None
    is_named: bool
    """Whether a field names an address, although it may not be one that can be read."""
    action: str
    status: str | None
    diagnostic: str | None

    @property
    def outcome(self) -> str:
        """failed, delayed or delivered; a report without an action tells by its status code."""
        if self.action.startswith("delay"):
            return "delayed"
        if self.action.startswith(("deliver", "relay", "expand")):
            return "delivered"
        if (self.status or "").startswith("2") and not self.action.startswith("fail"):
            return "delivered"
        return "failed"


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The fields of a whole report, which names one recipient at least."""

    reporting_mta: str | None
    recipients: tuple[RecipientStatus, ...]

    def gravest(self) -> tuple[str, tuple[RecipientStatus, ...]]:
        """Return the gravest outcome, and the recipients that it befell."""
        outcome = min((each.outcome for each in self.recipients), key=_OUTCOMES.index)
        return outcome, tuple(each for each in self.recipients if each.outcome == outcome)


def failed_recipients(parsed: ParsedMessage) -> tuple[str, ...]:
    """Return the addresses of X-Failed-Recipients, which Exim and Gmail write."""
    value = ",".join(parsed.headers("X-Failed-Recipients"))
    named = (_address(each) for each in value.replace(";", ",").split(",")[:MOST_RECIPIENTS])
    return tuple(dict.fromkeys(each for each in named if each))


def has_status_part(parsed: ParsedMessage) -> bool:
    """Say whether the message carries a report part of its own."""
    return any(part.content_type in STATUS_TYPES and not part.embedded for part in parsed.parts)


def status_report(parsed: ParsedMessage, notice: str, *, wrapped: bool = False) -> StatusReport | None:
    """Return the report's fields, or None where there are none.

    Args:
        parsed: the message.
        notice: its text for people, where servers that know no report parts write the fields.
        wrapped: whether a report inside the message counts too: gateways wrap reports in notices of their own.
    """
    texts = [part.text for part in parsed.parts if part.content_type in STATUS_TYPES and not part.embedded]
    if not texts and wrapped:
        texts = [part.text for part in parsed.parts if part.content_type in STATUS_TYPES]
    if not texts and _FIELDS_IN_TEXT.search(notice):
        texts = [notice]
    if not texts and wrapped:
        # Gateways turn the report part into a text file; it still begins as one.
        files = (part.text for part in parsed.parts if part.is_attachment and part.content_type in _FILE_TYPES)
        texts = [text for text in files if _REPORT_FILE.match(text)]
    blocks = [block for text in texts for block in _blocks(text)]
    recipients = tuple(_recipient(block) for block in _per_recipient(blocks)[:MOST_RECIPIENTS])
    if not recipients:
        return None
    mta = next((block["reporting-mta"] for block in blocks if "reporting-mta" in block), None)
    return StatusReport(_after_type(mta) if mta else None, recipients)


def _blocks(text: str) -> Iterator[Fields]:
    """Split fields into their groups: a blank line ends one, a line that begins with a blank goes on."""
    block: Fields = {}
    name = ""
    for line in text.split("\n"):
        if not line.strip():
            if block:
                yield block
            block, name = {}, ""
        elif found := _field(line, goes_on=bool(name)):
            name = found[1].lower()
            if _begins_another(name, block):
                yield block
                block = {}
            block.setdefault(name, found[2].strip())
        elif name and line[0].isspace() and len(block[name]) < MOST_FIELD:
            block[name] += " " + line.strip()
    if block:
        yield block


def _field(line: str, *, goes_on: bool) -> re.Match[str] | None:
    """Return the field a line begins; one of a report's own begins a field although gateways indent it."""
    found = _FIELD.match(line.lstrip())
    return found if found and (not goes_on or not line[0].isspace() or found[1].lower() in _OF_RECIPIENT) else None


def _begins_another(name: str, block: Fields) -> bool:
    """Say whether a field belongs to the next recipient, although no blank line stands before it."""
    if name == "original-recipient" and "final-recipient" in block:
        return name in block or "action" in block
    return name in _ONCE and name in block


def _per_recipient(blocks: list[Fields]) -> list[Fields]:
    groups: list[Fields] = []
    for block in blocks:
        if _OF_RECIPIENT.isdisjoint(block):
            continue
        # Some servers put blank lines between the fields of one recipient.
        if groups and _completes(groups[-1], block):
            groups[-1] = groups[-1] | block
        else:
            groups.append(block)
    named = [group for group in groups if not _NAMING.isdisjoint(group)]
    # A server that forgets Final-Recipient still says what happened, and the address stands elsewhere.
    return named or groups


def _completes(group: Fields, block: Fields) -> bool:
    """Say whether a block has what a group lacks, and nothing that it has."""
    return group.keys().isdisjoint(block) and (_NAMING.isdisjoint(group) or _NAMING.isdisjoint(block))


def _recipient(block: Fields) -> RecipientStatus:
    named = [value for name in _NAMES if (value := block.get(name))]
    address = next((found for value in named if (found := _address(value))), None)
    diagnostic = block.get("diagnostic-code")
    words = re.match(r"\d\.\d{1,3}\.\d{1,3}", block.get("status", ""))
    return RecipientStatus(
        address=address,
        is_named=bool(named),
        action=block.get("action", "").lower(),
        status=words[0] if words else None,
        diagnostic=decode_words(_after_type(diagnostic)) if diagnostic else None,
    )


def _after_type(value: str) -> str:
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and len(kind) < 30 and " " not in kind.strip() else value.strip()  # noqa: PLR2004


def _address(value: str) -> str | None:
    """Return the address of a recipient field: plain, xtext (RFC 3461 section 4), or of type utf-8 (RFC 6533)."""
    bare = _UNITEXT.sub(lambda found: chr(min(int(found[1], 16), _LAST_CHARACTER)), _after_type(value))
    bare = _XTEXT.sub(lambda found: bytes.fromhex(found[0].replace("+", "")).decode("utf-8", "replace"), bare)
    bare = bare.strip().removeprefix("SMTP:").removeprefix("smtp:")
    bare = _NEEDLESS_QUOTES.sub(r"\1@", bare)
    return valid_address(bare) or next(iter(addresses_in(bare)), None) or _local_address(bare)


def _local_address(value: str) -> str | None:
    """Return an address within a server's own network, whose domain has no dot; only fields may name one."""
    found = _WITHOUT_DOT.fullmatch(value.strip("<> "))
    return found[0].lower() if found else None
