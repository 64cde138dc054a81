"""Is it a report that our mail could not be delivered, about whom, and why? (RFC 3464 and everything before it)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from classifier.answers.absence import says_away
from classifier.answers.automatic import why_answer
from classifier.bounces import flufl_formats, notice
from classifier.bounces.fields import RecipientStatus, StatusReport, failed_recipients, status_report
from classifier.bounces.gate import Gate, gate, has_null_sender, is_submitted_by_machine
from classifier.bounces.notice import Notice
from classifier.bounces.reasons import Cause, cause_of, status_in
from classifier.bounces.returned import ReturnedMail, split_report
from classifier.bounces.stage import refused_command
from classifier.context import Case
from classifier.decode import addresses_in
from classifier.message import ParsedMessage
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
    report = status_report(parsed, parsed.text, wrapped=opened not in _NEEDS_MORE)
    found = _from_fields(report, told, returned, opened) if report is not None else None
    if found is None and (report is not None or not _is_answer(case, opened)):
        found = _from_words(case, told, returned, opened)
    if isinstance(found, Bounce) and found.kind in _UNCLEAR and told.asks_to_confirm:
        evidence = Evidence("challenge", "the mail waits until its sender confirms it")
        return AutoResponse(visible_text=case.text, language=case.language, evidence=(evidence,))
    return found


_NEEDS_MORE = frozenset({Gate.SUBJECT, Gate.NULL})
"""Gates that machines of every kind pass: what they let through must speak of delivery, and name somebody."""
_UNCLEAR = frozenset({BounceKind.UNKNOWN, BounceKind.POLICY})


def _is_answer(case: Case, opened: Gate) -> bool:
    """Say whether it is an absence notice from a null sender: no bounce, whatever its words are."""
    if opened is Gate.SUBJECT and says_away(case.folded):
        return True
    return opened is not Gate.FIELD and why_answer(case.parsed, case.folded_subject) is not None


@dataclass(frozen=True, slots=True)
class _Finding:
    """One address, why its mail was refused, and what the server said."""

    address: str | None
    cause: Cause
    diagnostic: str
    action: str = ""


_ORDER = (BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY, BounceKind.UNKNOWN, BounceKind.DELAYED)
"""A report about several addresses speaks of those with the gravest cause; the others are not mixed in."""


def _from_fields(report: StatusReport, told: Notice, returned: ReturnedMail, opened: Gate) -> Bounce | Receipt | None:
    for outcome in ("failed", "delayed", "delivered"):
        if group := report.with_outcome(outcome):
            break
    else:
        return None
    because = f"{opened}; Action {group[0].action or 'missing'}, Status {group[0].status}"
    if outcome == "delivered":
        return Receipt(
            kind=ReceiptKind.DELIVERED,
            recipients=_unique(each.address for each in group),
            original_message_ids=returned.message_ids,
            original_subject=returned.subject,
            evidence=(Evidence("bounce", because),),
        )
    findings = [_Finding(each.address, _cause(each, told), each.diagnostic or "", each.action) for each in group]
    if not any(each.address for each in findings):
        named = notice.recipients(told, returned, frozenset(), tuple)
        findings = [replace(findings[0], address=each) for each in named] or findings
    bounce = _bounce(findings, returned, because, delayed=outcome == "delayed")
    return replace(bounce, reporting_mta=report.reporting_mta)


def _cause(each: RecipientStatus, told: Notice) -> Cause:
    diagnostic = each.diagnostic or ""
    said = status_in(diagnostic)
    status = said if said and (each.status is None or each.status.endswith(".0.0")) else each.status
    command = refused_command(f"{diagnostic.lower()}\n{told.folded}")
    return cause_of(diagnostic, status, command, told.folded)


def _from_words(case: Case, told: Notice, returned: ReturnedMail, opened: Gate) -> Bounce | None:
    parsed = case.parsed
    failed, delayed = failed_recipients(parsed), told.tells_delay
    fails = told.is_about_delivery if opened in _NEEDS_MORE else told.tells_failure
    if not failed and not delayed and not fails:
        return None
    others = case.context.own_addresses | {
        each for name in ("From", "To") for each in addresses_in(parsed.header(name) or "")
    }
    recipients = failed or notice.recipients(told, returned, others, partial(flufl_formats.recipients, parsed))
    if not recipients and (opened is not Gate.SUBJECT or has_null_sender(parsed)):
        recipients = notice.only_address(told, others | {returned.from_address or ""})
    if not recipients and not _is_report_without_address(parsed, returned, opened):
        return None
    around = told.folded if told.folded.strip() else told.subject.lower()
    command = refused_command(told.folded)
    said = notice.diagnostics(told, recipients[:MOST_RECIPIENTS])
    findings = [
        _Finding(address, cause_of(words, status_in(words), command, around), words)
        for address, words in zip(recipients or (None,), said, strict=False)
    ]
    return _bounce(findings, returned, f"{opened}; words of the report", delayed=delayed)


def _is_report_without_address(parsed: ParsedMessage, returned: ReturnedMail, opened: Gate) -> bool:
    """Say whether it is a report although it names nobody: people and advertisers sign as postmaster, too."""
    if opened in _NEEDS_MORE:
        return False
    by_machine = has_null_sender(parsed) or is_submitted_by_machine(parsed)
    return opened is not Gate.DAEMON or by_machine or bool(returned.message_ids)


def _bounce(findings: Sequence[_Finding], returned: ReturnedMail, because: str, *, delayed: bool) -> Bounce:
    gravest = min(findings, key=lambda each: _ORDER.index(each.cause.kind))
    return Bounce(
        kind=BounceKind.DELAYED if delayed else gravest.cause.kind,
        recipients=_unique(each.address for each in findings if each.cause.kind is gravest.cause.kind),
        reason=gravest.cause.reason,
        status=gravest.cause.status,
        smtp_reply=gravest.cause.reply,
        action=gravest.action or None,
        diagnostic=gravest.diagnostic[:MOST_DIAGNOSTIC] or None,
        original_message_ids=returned.message_ids,
        original_subject=returned.subject,
        evidence=(Evidence("bounce", because), Evidence("reason", gravest.cause.because)),
    )


def _unique(addresses: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in addresses if each))[:MOST_RECIPIENTS]
