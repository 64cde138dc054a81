"""A verdict for others to read: one JSON object, or a small card."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from classifier.message import ParsedMessage
from classifier.verdict import (
    Absence,
    AutoResponse,
    Bounce,
    BounceKind,
    Complaint,
    OptOut,
    Outgoing,
    Receipt,
    Reply,
    ReplyClass,
    Verdict,
    name_of,
)

WIDTH = 84


def as_json(identity: Mapping[str, str], parsed: ParsedMessage, verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as the JSON object that `judge --json` prints.

    Args:
        identity: what the message is called: {"file": path} or {"id": id}.
        parsed: the message.
        verdict: what it is.
    """
    reply = verdict if isinstance(verdict, Reply) else None
    best = class_of(verdict)
    back = verdict.return_date if isinstance(verdict, Absence) else None
    return {
        **identity,
        "verdict": name_of(verdict),
        "class": best,
        "applied_class": applied_class(verdict),
        "hold": reply.hold if reply else False,
        "confidence": round(reply.confidence, 4) if reply else None,
        "probabilities": {name: round(share, 4) for name, share in reply.probabilities.items()} or None
        if reply
        else None,
        "needs_review": needs_review(verdict),
        "visible_text": getattr(verdict, "visible_text", ""),
        "return_date": back.isoformat() if back else None,
        "new_contact": verdict.new_contact if isinstance(verdict, Absence | AutoResponse) else None,
        "bounce": _bounce(verdict) if isinstance(verdict, Bounce) else None,
        "evidence": [{"detector": each.detector, "because": each.because} for each in verdict.evidence],
        "language": getattr(verdict, "language", None),
        "problems": list(parsed.problems),
    }


def class_of(verdict: Verdict) -> ReplyClass | None:
    """Return the best class of the whole cascade; None for reports and our own mail, which have none."""
    match verdict:
        case OptOut():
            return ReplyClass.UNSUBSCRIBED
        case Absence():
            return ReplyClass.OUT_OF_OFFICE
        case AutoResponse():
            return ReplyClass.AUTO_RESPONSE
        case Reply():
            return verdict.reply_class
        case _:
            return None


def applied_class(verdict: Verdict) -> ReplyClass | None:
    """Return the class that acts: an unsure reply counts as Engaged."""
    if isinstance(verdict, Reply) and (verdict.hold or not verdict.sure):
        return ReplyClass.ENGAGED
    return class_of(verdict)


def needs_review(verdict: Verdict) -> bool:
    """Say whether a person should look, by the verdict alone."""
    match verdict:
        case Reply():
            return verdict.hold or not verdict.sure
        case OptOut():
            return verdict.by_machine
        case _:
            return False


def _bounce(bounce: Bounce) -> dict[str, Any]:
    return {
        "kind": bounce.kind,
        "recipients": list(bounce.recipients),
        "reason": bounce.reason,
        "status": bounce.status,
        "smtp_reply": bounce.smtp_reply,
        "diagnostic": bounce.diagnostic,
        "original_message_id": next(iter(bounce.original_message_ids), None),
    }


def as_card(identity: Mapping[str, str], parsed: ParsedMessage, verdict: Verdict) -> str:
    """Return the verdict as a card for a person: what it is, what it says, what was cut, and why."""
    rows = [
        ("from", _sender(parsed), 1),
        ("subject", parsed.subject, 1),
        *_details(verdict),
        ("cut", _cut(parsed, verdict), 1),
        *(("why", f"{each.detector}: {each.because}", _LINES) for each in verdict.evidence),
        *(("problem", each, _LINES) for each in parsed.problems),
    ]
    lines = [" ".join(identity.values()), f"  {_headline(verdict)}"]
    for label, value, most in rows:
        lines += _row(label, value, most)
    return "\n".join(map(_harmless, lines)) + "\n"


def _harmless(line: str) -> str:
    """Return a line that does nothing to the terminal, whatever a stranger wrote."""
    return line if line.isprintable() else "".join(each if each.isprintable() else " " for each in line)


_LINES = 3
_MEANS = {
    BounceKind.HARD: "the address is dead",
    BounceKind.SOFT: "it may recover",
    BounceKind.POLICY: "they refuse us or the content; the recipient is not to blame",
    BounceKind.DELAYED: "they go on trying",
    BounceKind.UNKNOWN: "nothing tells why; bans nobody",
}


def _headline(verdict: Verdict) -> str:
    words = [name_of(verdict).replace("_", " ")]
    if found := class_of(verdict):
        words.append(found)
    if isinstance(verdict, Bounce):
        words += [f"{verdict.kind}: {_MEANS[verdict.kind]}", verdict.reason.replace("_", " "), verdict.status or ""]
    if isinstance(verdict, Reply):
        words.append(f"{verdict.confidence:.0%} sure")
    if needs_review(verdict):
        words.append("a person should look")
    return " · ".join(word for word in words if word)


def _details(verdict: Verdict) -> list[tuple[str, str, int]]:
    match verdict:
        case Bounce():
            about = " ".join((*(f"<{each}>" for each in verdict.original_message_ids), verdict.original_subject or ""))
            return [
                ("about", ", ".join(verdict.recipients), _LINES),
                ("our mail", about, 1),
                ("server", verdict.diagnostic or "", _LINES),
            ]
        case Complaint() | Receipt():
            return [("about", ", ".join(verdict.recipients), _LINES)]
        case Absence():
            back = verdict.return_date.strftime("%A, %d %B %Y") if verdict.return_date else ""
            return [("back on", back, 1), ("instead", verdict.new_contact or "", 1), _says(verdict.visible_text)]
        case AutoResponse():
            return [("instead", verdict.new_contact or "", 1), _says(verdict.visible_text)]
        case _:
            return [_says(getattr(verdict, "visible_text", ""))]


def _says(text: str) -> tuple[str, str, int]:
    return ("says", text, 2 * _LINES)


def _sender(parsed: ParsedMessage) -> str:
    address = parsed.from_address or parsed.header("From") or ""
    return f"{parsed.from_name} <{address}>" if parsed.from_name else address


def _cut(parsed: ParsedMessage, verdict: Verdict) -> str:
    """Say how much of the mail is not its sender's own new words."""
    if isinstance(verdict, Bounce | Complaint | Receipt | Outgoing):
        return ""
    own, all_lines = (sum(map(bool, map(str.strip, text.split("\n")))) for text in (verdict.visible_text, parsed.text))
    return f"{all_lines - own} of {all_lines} lines: quoted mail, signature, footers" if all_lines > own else ""


def _row(label: str, value: str, most: int) -> list[str]:
    """Return a labelled value, wrapped, in so many lines at most."""
    text = "\n".join(line for line in map(str.strip, value.split("\n")) if line)
    lines = [piece for line in text.split("\n") for piece in wrap(line[:_LONGEST], WIDTH, break_long_words=True)]
    if len(lines) > most:
        lines = [*lines[: most - 1], _with_more(lines[most - 1])]
    return [f"  {label if not at else '':<10}{line}" for at, line in enumerate(lines)]


_LONGEST = 1_000


def _with_more(line: str) -> str:
    """Return a line that says that there is more."""
    return f"{line[: WIDTH - 2].rstrip()} …"
