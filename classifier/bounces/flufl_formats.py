"""The formats that flufl.bounce knows, each of its detectors guarded: they raise on real mail."""

from __future__ import annotations

import logging
from email.message import Message

from flufl.bounce._detectors import (
    aol,
    caiwireless,
    exchange,
    exim,
    groupwise,
    llnl,
    microsoft,
    netscape,
    postfix,
    qmail,
    simplematch,
    simplewarning,
    sina,
    smtp32,
    yahoo,
    yale,
)

from classifier.decode import valid_address
from classifier.message import ParsedMessage

LONGEST_LINE, MOST_LINES = 500, 400
log = logging.getLogger(__name__)
_DETECTORS = (
    exim.Exim,
    sina.Sina,
    yahoo.Yahoo,
    yale.Yale,
    smtp32.SMTP32,
    postfix.Postfix,
    qmail.Qmail,
    groupwise.GroupWise,
    microsoft.Microsoft,
    caiwireless.Caiwireless,
    exchange.Exchange,
    netscape.Netscape,
    aol.AOL,
    simplematch.SimpleMatch,
    simplewarning.SimpleWarning,
    llnl.LLNL,
)
"""In the library's own order; its DSN detector is left out, since `fields.py` reads the fields."""


def recipients(parsed: ParsedMessage) -> tuple[str, ...]:
    """Return the addresses the first detector that knows the format names, validated; empty where none does."""
    message = _without_attachments(parsed)
    for detector in _DETECTORS:
        try:
            temporary, permanent = detector().process(message)
        except Exception:
            log.debug("%s does not understand this message", detector.__name__, exc_info=True)
            continue
        found = sorted({*temporary, *permanent})
        addresses = (valid_address(each.decode("ascii", "ignore")) for each in found)
        if clean := tuple(dict.fromkeys(each for each in addresses if each)):
            return clean
    return ()


def _bounded(text: str) -> str:
    """Cut long lines: on a line of a thousand blanks some of the library's patterns take the square of its length."""
    return "\n".join(line[:LONGEST_LINE] for line in text.split("\n", MOST_LINES)[:MOST_LINES])


def _without_attachments(parsed: ParsedMessage) -> Message:
    """Build the message anew with its texts alone, decoded and capped."""
    message = Message()
    for name in ("From", "To", "Subject", "X-Failed-Recipients"):
        if value := parsed.header(name):
            message[name] = value
    texts = [_bounded(part.text) for part in parsed.own_parts if part.content_type.startswith("text/")]
    if len(texts) == 1:
        message.set_payload(texts[0])
        return message
    message["Content-Type"] = "multipart/mixed"
    for each in texts:
        text = Message()
        text.set_payload(each)
        message.attach(text)
    return message
