"""The formats that flufl.bounce knows, each of its detectors guarded: it raises on real mail, and is slow on long mail."""

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
"""In the library's own order; its DSN detector is left out, since the fields are read by `classifier.dsn`."""


def recipients(parsed: ParsedMessage) -> tuple[str, ...]:
    """Return the addresses the first detector that knows the format names, validated; empty where none does."""
    message = _without_attachments(parsed)
    for detector in _DETECTORS:
        try:
            temporary, permanent = detector().process(message)
        except Exception:  # noqa: BLE001 - seen: IndexError, AttributeError; the next detector may know the format
            log.debug("%s does not understand this message", detector.__name__, exc_info=True)
            continue
        found = sorted({*temporary, *permanent})
        addresses = (valid_address(each.decode("ascii", "ignore")) for each in found)
        if clean := tuple(dict.fromkeys(each for each in addresses if each)):
            return clean
    return ()


def _without_attachments(parsed: ParsedMessage) -> Message:
    """Build the message anew with its texts alone, decoded and capped."""
    message = Message()
    for name in ("From", "To", "Subject", "X-Failed-Recipients"):
        if value := parsed.header(name):
            message[name] = value
    message["Content-Type"] = "multipart/mixed"
    for part in parsed.own_parts:
        if part.content_type.startswith("text/"):
            text = Message()
            text.set_payload(part.text)
            message.attach(text)
    return message
