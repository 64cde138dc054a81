"""What our own provider says of a mail's sender (Authentication-Results, RFC 8601), and how far it is believed."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

# At the start of a part: further on stand properties (RFC 8601 2.2), and a sender may choose "dmarc=pass" as address.
_RESULT: Final = re.compile(r"(dmarc|spf|dkim)(?:\s*/\s*\d+)?\s*=\s*([a-z]+)")
# Of whom a result of DMARC or DKIM speaks.
_ABOUT: Final = re.compile(r"\bheader\.(?:from|d|i)\s*=\s*(\S*)")
# The same in quotes that hide nothing.
_QUOTED: Final = re.compile(r"(\bheader\.(?:from|d|i)\s*=\s*)\"([^\s\"\\;()]+)\"", re.IGNORECASE)
_PASS: Final = re.compile(r"=\s*pass", re.IGNORECASE)
_LABEL: Final = 63
_PIECE: Final = re.compile(r"\\.|[()\"]|[^\\()\"]+|\\", re.DOTALL)
_ANOTHER: Final = "pass for another"
_UNCLEAR: Final = "unclear"


def is_authentic(results: Sequence[str], authserv_ids: Collection[str], sender: str | None) -> bool:
    """Say whether our own provider leaves room for believing From; silence is no proof against it.

    Servers write one field for all methods or one for each, and several results of a method (two DKIM signatures).
    Of each method the topmost field that names it speaks, for below the provider's own may stand what a sender put
    there. A pass counts only where it is about the domain of From, and that of DMARC only in the topmost field.

    Args:
        results: the fields, the topmost first.
        authserv_ids: whose fields count, in lower case; empty: the topmost field only.
        sender: the address in From.
    """
    domain = _domain(sender or "")
    fields = [[part.strip().lower() for part in _bare(each).split(";")] for each in results]
    believed = [each for each in fields if _server(each) in authserv_ids] if authserv_ids else fields[:1]
    heard: dict[str, tuple[int, set[str]]] = {}
    for number, parts in enumerate(believed):
        for method, said in _said(parts, domain).items():
            heard.setdefault(method, (number, said))
    at, dmarc = heard.get("dmarc", (0, set()))
    if dmarc & {"fail", _ANOTHER}:
        return False
    if "pass" in dmarc and at == 0:
        return True
    return "fail" not in heard.get("spf", (0, ()))[1] or "pass" in heard.get("dkim", (0, ()))[1]


def _said(parts: Sequence[str], domain: str) -> dict[str, set[str]]:
    """Return method -> its results in one field."""
    said: dict[str, set[str]] = {}
    for part in parts:
        if found := _RESULT.match(part):
            method, result = found.groups()
            about = all(_is_of(_domain(each), domain) for each in _ABOUT.findall(part))
            said.setdefault(method, set()).add(result if about or result not in {"pass", _UNCLEAR} else _ANOTHER)
    return said


def _domain(address: str) -> str:
    """Return the domain of an address, or what is one, without a final dot and with A-labels as what they stand for."""
    return ".".join(map(_letters, address.rpartition("@")[2].rstrip(".").split(".")))


def _letters(label: str) -> str:
    if not label.startswith("xn--") or len(label) > _LABEL:
        return label
    try:
        return label.removeprefix("xn--").encode().decode("punycode")
    except UnicodeError:
        return label


def _is_of(one: str, other: str) -> bool:
    """Say whether two domains are the same, or one lies below the other."""
    return bool(one) and (one == other or one.endswith(f".{other}") or other.endswith(f".{one}"))


def _server(parts: Sequence[str]) -> str:
    """Return the authserv-id; a version may stand behind it."""
    return next(iter(parts[0].split()), "")


def _bare(result: str) -> str:
    """Return a field without comments and quoted text, where a sender's words and other servers' results stand."""
    kept: list[str] = []
    depth, quoted = 0, False
    for piece in _PIECE.findall(_QUOTED.sub(r"\1\2", result)):
        if piece == '"' and not depth:
            quoted = not quoted
        elif piece in "()" and not quoted:
            depth = max(0, depth + (1 if piece == "(" else -1))
        elif not depth and not quoted:
            kept.append(piece)
    # Left open, a comment or quote would hide what comes after it; and who opened it may have written "pass" there.
    return _PASS.sub(f"={_UNCLEAR}", result) if depth or quoted else "".join(kept)
