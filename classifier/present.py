"""A verdict for others to read: one JSON object, or a small card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from classifier.message import ParsedMessage
from classifier.verdict import Absence, AutoResponse, Bounce, OptOut, Reply, ReplyClass, Verdict, name_of

WIDTH = 72


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
    """Return the verdict as a few lines for a person."""
    name = " ".join(identity.values())
    lines = [name, f"  {_headline(verdict)}"]
    for label, value in (("from", parsed.from_address), ("subject", parsed.subject), *_details(verdict)):
        if value:
            lines.append(f"  {label:<9} {_short(value)}")
    lines += [f"  because   {each.detector}: {_short(each.because)}" for each in verdict.evidence]
    lines += [f"  problem   {_short(each)}" for each in parsed.problems]
    return "\n".join(lines) + "\n"


def _headline(verdict: Verdict) -> str:
    words = [name_of(verdict).replace("_", " ")]
    if found := class_of(verdict):
        words.append(found)
    if isinstance(verdict, Bounce):
        words += [verdict.kind, verdict.reason.replace("_", " "), verdict.status or ""]
    if isinstance(verdict, Reply):
        words.append(f"{verdict.confidence:.0%}")
    if needs_review(verdict):
        words.append("a person should look")
    return " · ".join(word for word in words if word)


def _details(verdict: Verdict) -> list[tuple[str, str]]:
    match verdict:
        case Bounce():
            return [("about", ", ".join(verdict.recipients)), ("server", verdict.diagnostic or "")]
        case Absence():
            back = verdict.return_date.isoformat() if verdict.return_date else ""
            return [("back on", back), ("instead", verdict.new_contact or ""), ("says", verdict.visible_text)]
        case AutoResponse():
            return [("instead", verdict.new_contact or ""), ("says", verdict.visible_text)]
        case _:
            return [("says", getattr(verdict, "visible_text", ""))]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
