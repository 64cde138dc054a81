"""Which command did the server refuse? The report's words tell, each mail system in its own way.

A server that took the address (RCPT) and then refused the mail itself (DATA) has a mailbox of that name, or a filter
before it, whatever its refusal says.
"""

from __future__ import annotations

import re

_SAID = re.compile(
    # Postfix, Exim, Mercury and others; m-FILTER; Sendmail's and Courier's transcripts.
    r"in (?:reply|response) to (?:the )?(?P<reply>end of data|[a-z]{4}\b)"
    r"|(?:remote mail ?server|smtp error|error) after (?P<after>end of data|pipelined [a-z ]{1,20}|[a-z]{4}\b)"
    r"|smtp command\s+(?P<named>[a-z]{4})\b"
    r"|>>> ?(?P<sent>[a-z]{4}|\.)(?= |\n|$)(?:[^\n]*\n){1,2}?[ \t>]*<<< [45]\d\d"
)
_AFTER_ALL = re.compile(r"<<< 503|need rcpt|no valid recipients|valid rcpt", re.IGNORECASE)
"""With pipelining the refusal of the address is written below the command that was sent on top of it."""


def refused_command(words: str) -> str | None:
    """Return the SMTP command that was refused, in upper case (the end of the data is DATA), or None.

    Args:
        words: the report's words for people and its diagnostic, in lower case.
    """
    found = _SAID.search(words)
    if found is None:
        return None
    command = (found["reply"] or found["after"] or found["named"] or found["sent"] or "").strip()
    if command in {"end of data", "."}:
        return "DATA"
    if command == "data" and _AFTER_ALL.search(words, found.end()):
        return "RCPT"
    return command.split()[-1].upper()[:4] if command else None
