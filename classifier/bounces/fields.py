"""The machine-readable fields of a delivery status notification (RFC 3464), wherever a server put them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from classifier.decode import addresses_in, decode_words, valid_address
from classifier.message import ParsedMessage

STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
MOST_RECIPIENTS = 100
_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]{1,40})[ \t]*:[ \t]*(.*)$")
_FIELDS_IN_TEXT = re.compile(r"^[ \t]*(?:Final|Original)-Recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)
_REPORT_FILE = re.compile(r"\s{0,20}(?:Reporting-MTA|Original-Envelope-Id)[ \t]*:", re.IGNORECASE)
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_WITHOUT_DOT = re.compile(r"[^\s@<>()\[\]{},;:\\\"'|`]{1,64}@[A-Za-z0-9-]{1,63}")
_OURS = "x-actual-recipient"

Fields = dict[str, str]


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """What a report says about one recipient."""

    address: str | None
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
        if not self.action and (self.status or "").startswith("2"):
            return "delivered"
        return "failed"


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The fields of a whole report."""

    reporting_mta: str | None
    recipients: tuple[RecipientStatus, ...]

    def with_outcome(self, outcome: str) -> tuple[RecipientStatus, ...]:
        """Return the recipients that failed, are delayed or were delivered."""
        return tuple(each for each in self.recipients if each.outcome == outcome)


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
        files = (part.text for part in parsed.parts if part.is_attachment and part.content_type == "text/plain")
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
        elif found := _FIELD.match(line.lstrip()) if not name or not line[0].isspace() else None:
            name = found[1].lower()
            block.setdefault(name, found[2].strip())
        elif name and line[0].isspace() and len(block[name]) < MOST_FIELD:
            block[name] += " " + line.strip()
    if block:
        yield block


MOST_FIELD = 4_000


def _per_recipient(blocks: list[Fields]) -> list[Fields]:
    named = [block for block in blocks if "final-recipient" in block or "original-recipient" in block]
    # A server that forgets Final-Recipient still says what happened, and the address stands elsewhere.
    return named or [block for block in blocks if "action" in block or "status" in block]


def _recipient(block: Fields) -> RecipientStatus:
    named = (block.get(name) for name in ("original-recipient", "final-recipient", _OURS))
    address = next((found for value in named if value and (found := _address(value))), None)
    diagnostic = block.get("diagnostic-code")
    words = re.match(r"\d\.\d{1,3}\.\d{1,3}", block.get("status", ""))
    return RecipientStatus(
        address=address,
        action=block.get("action", "").lower(),
        status=words[0] if words else None,
        diagnostic=decode_words(_after_type(diagnostic)) if diagnostic else None,
    )


def _after_type(value: str) -> str:
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and len(kind) < 30 and " " not in kind.strip() else value.strip()  # noqa: PLR2004


def _address(value: str) -> str | None:
    """Return the address of a recipient field; the original one is xtext (RFC 3461, section 4)."""
    bare = _XTEXT.sub(lambda found: chr(int(found[1], 16)), _after_type(value))
    bare = bare.strip().removeprefix("SMTP:").removeprefix("smtp:")
    return valid_address(bare) or next(iter(addresses_in(bare)), None) or _local_address(bare)


def _local_address(value: str) -> str | None:
    """Return an address within a server's own network, whose domain has no dot; only fields may name one."""
    found = _WITHOUT_DOT.fullmatch(value.strip("<> "))
    return found[0].lower() if found else None
