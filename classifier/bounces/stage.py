"""Which command did the server refuse? The report's words tell, each mail system in its own way.

A server that took the address (RCPT) and then refused the mail itself (DATA) has a mailbox of that name, or a filter
before it, whatever its refusal says.
"""

from __future__ import annotations

import re

_SAID = re.compile(
    # Postfix, Exim, Mercury and others; m-FILTER; Sendmail's and Courier's transcripts.
    r"in (?:reply|response) to (?:the )?(?P<reply>end of data|[a-z]{4}\b)"
    r"|(?:remote mail ?server|smtp error|error) after "
    r"(?P<after>end of data|initial connection|pipelined [a-z ]{1,20}|[a-z]{4}\b)|smtp command\s+(?P<named>[a-z]{4})\b"
    r"|>>> ?(?P<sent>[a-z]{4}|\.)(?= |\n|$)(?:[^\n]*\n){1,2}?[ \t>]*<<< [45]\d\d"
)
_AFTER_ALL = re.compile(r"<<< 503|need rcpt|no valid recipients|valid rcpt", re.IGNORECASE)
"""With pipelining the refusal of the address is written below the command that was sent on top of it."""


def refused_command(words: str, address: str = "") -> str | None:
    """Return the SMTP command that was refused (DATA for the end of the data, CONN for the greeting), or None.

    Args:
        words: the report's words for people and its diagnostic, in lower case.
        address: whose mail was refused: what is told after it counts before what is told of others.
    """
    line = words.rfind("\n", 0, max(0, words.find(address))) + 1
    found = _SAID.search(words, line) if address else None
    found = found or _SAID.search(words)
    if found is None:
        return None
    command = (found["reply"] or found["after"] or found["named"] or found["sent"] or "").strip()
    if command in {"end of data", "."}:
        return "DATA"
    if command == "initial connection":
        return "CONN"
    if command == "data" and _AFTER_ALL.search(words, found.end()):
        return "RCPT"
    return command.split()[-1].upper()[:4] if command else None
