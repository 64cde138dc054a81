"""Is it a report that our mail could not be delivered, about whom, and why? (RFC 3464 and everything before it)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from classifier.absence import says_away
from classifier.automatic import why_answer
from classifier.bounces import flufl_formats, notice
from classifier.bounces.fields import RecipientStatus, StatusReport, failed_recipients, status_report
from classifier.bounces.gate import Gate, gate
from classifier.bounces.notice import Notice
from classifier.bounces.reasons import Cause, cause_of, status_in
from classifier.bounces.returned import ReturnedMail, split_report
from classifier.bounces.stage import refused_command
from classifier.context import Case
from classifier.verdict import AutoResponse, Bounce, BounceKind, Evidence, Receipt, ReceiptKind

MOST_RECIPIENTS = 50
MOST_DIAGNOSTIC = 500


def delivery_report(case: Case) -> Bounce | Receipt | AutoResponse | None:
    """Recognise a report of failure, delay or success, and what only looks like one."""
    parsed = case.parsed
    opened = gate(parsed)
    if opened is None:
        return None
    words, returned = split_report(parsed)
    told = Notice(parsed.subject, words)
    report = status_report(parsed, parsed.text, wrapped=opened is not Gate.SUBJECT)
    found = _from_fields(report, told, returned, opened) if report is not None else None
    if found is None and (report is not None or not _is_answer(case, opened)):
        found = _from_words(case, told, returned, opened)
    if isinstance(found, Bounce) and found.kind in _UNCLEAR and told.asks_to_confirm:
        evidence = Evidence("challenge", "the mail waits until its sender confirms it")
        return AutoResponse(visible_text=case.text, language=case.language, evidence=(evidence,))
    return found


_UNCLEAR = frozenset({BounceKind.UNKNOWN, BounceKind.POLICY})


def _is_answer(case: Case, opened: Gate) -> bool:
    """Say whether it is an absence notice from a null sender: no bounce, whatever its words are."""
    if opened is Gate.SUBJECT and says_away(case.folded):
        return True
    return opened is not Gate.FIELD and why_answer(case.parsed, case.folded_subject) is not None


def _from_fields(report: StatusReport, told: Notice, returned: ReturnedMail, opened: Gate) -> Bounce | Receipt | None:
    for outcome in ("failed", "delayed", "delivered"):
        if group := report.with_outcome(outcome):
            break
    else:
        return None
    evidence = (Evidence("bounce", f"{opened}; Action {group[0].action or 'missing'}, Status {group[0].status}"),)
    if outcome == "delivered":
        return Receipt(
            kind=ReceiptKind.DELIVERED,
            recipients=_unique(each.address for each in group),
            original_message_ids=returned.message_ids,
            original_subject=returned.subject,
            evidence=evidence,
        )
    judged = [(_cause(each, told), each) for each in group]
    worst, leader = min(judged, key=lambda each: _ORDER.index(each[0].kind))
    addresses = _unique(each.address for cause, each in judged if cause.kind is worst.kind)
    return Bounce(
        kind=BounceKind.DELAYED if outcome == "delayed" else worst.kind,
        recipients=addresses or notice.recipients(told, returned, frozenset(), tuple)[:MOST_RECIPIENTS],
        reason=worst.reason,
        status=leader.status,
        smtp_reply=worst.reply,
        action=leader.action or None,
        diagnostic=leader.diagnostic,
        reporting_mta=report.reporting_mta,
        original_message_ids=returned.message_ids,
        original_subject=returned.subject,
        evidence=evidence,
    )


_ORDER = (BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY, BounceKind.UNKNOWN, BounceKind.DELAYED)
"""A report about several addresses speaks of those with the gravest cause; the others are not mixed in."""


def _cause(each: RecipientStatus, told: Notice) -> Cause:
    diagnostic = each.diagnostic or ""
    said = status_in(diagnostic)
    status = said if said and (each.status is None or each.status.endswith(".0.0")) else each.status
    command = refused_command(f"{diagnostic.lower()}\n{told.folded}")
    return cause_of(diagnostic, status, command, told.folded)


def _from_words(case: Case, told: Notice, returned: ReturnedMail, opened: Gate) -> Bounce | None:
    failed, delayed = failed_recipients(case.parsed), told.tells_delay
    if not failed and not delayed and not told.tells_failure:
        return None
    own, formats = case.context.own_addresses, partial(flufl_formats.recipients, case.parsed)
    recipients = failed or notice.recipients(told, returned, own, formats)
    if not recipients and opened is Gate.SUBJECT:
        return None
    diagnostic = notice.diagnostic(told, recipients)
    around = told.folded if told.folded.strip() else told.subject.lower()
    cause = cause_of(diagnostic, status_in(diagnostic), refused_command(told.folded), around)
    return Bounce(
        kind=BounceKind.DELAYED if delayed else cause.kind,
        recipients=recipients[:MOST_RECIPIENTS],
        reason=cause.reason,
        status=cause.status,
        smtp_reply=cause.reply,
        diagnostic=diagnostic[:MOST_DIAGNOSTIC] or None,
        original_message_ids=returned.message_ids,
        original_subject=returned.subject,
        evidence=(Evidence("bounce", f"{opened}; words of the report"),),
    )


def _unique(addresses: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in addresses if each))[:MOST_RECIPIENTS]
