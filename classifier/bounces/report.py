"""Is it a report that our mail could not be delivered, about whom, and why? (RFC 3464 and everything before it)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from classifier.answers.absence import says_away
from classifier.answers.automatic import why_answer
from classifier.bounces import flufl_formats, notice
from classifier.bounces.fields import RecipientStatus, StatusReport, failed_recipients, status_report
from classifier.bounces.findings import MOST_RECIPIENTS, Finding, gravest, unique
from classifier.bounces.gate import Gate, gate, is_daemon_address, is_sent_by_machine
from classifier.bounces.notice import Notice
from classifier.bounces.reasons import Cause, cause_of, status_in
from classifier.bounces.returned import ReturnedMail, split_report
from classifier.bounces.stage import refused_command
from classifier.context import Case
from classifier.decode import addresses_in
from classifier.optouts.asking import asks_to_stop
from classifier.verdict import AutoResponse, Bounce, BounceKind, Evidence, Receipt, ReceiptKind

MOST_DIAGNOSTIC = 500
_NEEDS_MORE = frozenset({Gate.SUBJECT, Gate.NULL})
"""Gates that machines of every kind pass: what they let through must speak of delivery, and name somebody."""
_UNCLEAR = frozenset({BounceKind.UNKNOWN, BounceKind.POLICY})

Found = Bounce | Receipt | AutoResponse


def delivery_report(case: Case) -> Found | None:
    """Recognise a report of failure, delay or success, and what only looks like one."""
    opened = gate(case.parsed)
    if opened is None:
        return None
    words, returned = split_report(case.parsed)
    return _Reading(case, opened, Notice(case.parsed.subject, words), returned).found()


class _Reading:
    """One report while it is read: what its parts say is worked out once and compared."""

    def __init__(self, case: Case, opened: Gate, told: Notice, returned: ReturnedMail) -> None:
        self._case, self._parsed, self._opened = case, case.parsed, opened
        self._told, self._returned = told, returned
        self._by_machine = is_sent_by_machine(case.parsed)
        sender_and_reader = {each for name in ("From", "To") for each in addresses_in(case.parsed.header(name) or "")}
        self._senders = frozenset({*case.context.own_addresses, returned.from_address or ""})
        # Some people mail themselves; but a report that names its reader names nobody.
        self._others = (self._senders | sender_and_reader) - {*returned.to_addresses, *returned.delivered_for}

    def found(self) -> Found | None:
        report = status_report(self._parsed, self._parsed.text, wrapped=self._opened not in _NEEDS_MORE)
        if report is not None:
            found: Found | None = self._from_fields(report)
        else:
            found = None if self._is_answer() else self._from_words()
        if isinstance(found, Bounce) and found.kind in _UNCLEAR and self._told.asks_to_confirm:
            evidence = Evidence("challenge", "the mail waits until its sender confirms it")
            return AutoResponse(visible_text=self._case.text, language=self._case.language, evidence=(evidence,))
        return found

    def _is_answer(self) -> bool:
        """Say whether it is somebody's answer, by the words: an absence notice, a person, a request to stop."""
        if self._opened in _NEEDS_MORE and says_away(self._case.folded):
            return True
        if not self._by_machine and not self._returned.message_ids and asks_to_stop(self._case.folded):
            return True
        # An absence notice from a null sender is no bounce, whatever its words are.
        return self._opened is not Gate.FIELD and why_answer(self._parsed, self._case.folded_subject) is not None

    def _from_fields(self, report: StatusReport) -> Bounce | Receipt:
        outcome, group = report.gravest()
        because = f"{self._opened}; Action {group[0].action or 'missing'}, Status {group[0].status}"
        if outcome == "delivered":
            return self._receipt(unique(each.address for each in group), because)
        findings = [Finding(self._meant(each), self._cause(each), each.diagnostic or "", each.action) for each in group]
        if not any(each.address or each.is_named for each in group):
            named = notice.recipients(self._told, self._returned, self._others, tuple)
            findings = [replace(findings[0], address=each) for each in named] or findings
        bounce = self._bounce(findings, because, delayed=outcome == "delayed")
        return replace(bounce, reporting_mta=report.reporting_mta)

    def _meant(self, each: RecipientStatus) -> str | None:
        return None if each.address in self._case.context.own_addresses else each.address

    def _cause(self, each: RecipientStatus) -> Cause:
        diagnostic, words = each.diagnostic or "", self._told.folded
        said = status_in(diagnostic)
        status = said if said and (each.status is None or each.status.endswith(".0.0")) else each.status
        command = refused_command(diagnostic.lower()) or refused_command(words, each.address or "")
        return cause_of(diagnostic, status, command, words, self._senders)

    def _from_words(self) -> Bounce | Receipt | None:
        told, opened = self._told, self._opened
        failed = unique(each for each in failed_recipients(self._parsed) if each not in self._others)
        delayed = told.tells_delay
        sure = self._by_machine or is_daemon_address(self._parsed) or self._returned.message_ids
        strict = opened in _NEEDS_MORE or not sure
        if not failed and not delayed and not (told.is_about_delivery if strict else told.tells_failure):
            return None
        formats = partial(flufl_formats.recipients, self._parsed)
        recipients = failed or notice.recipients(told, self._returned, self._others, formats)
        if not recipients and (opened is not Gate.SUBJECT or self._by_machine):
            recipients = notice.only_address(told, self._others)
        if not recipients and strict:
            return None
        if told.tells_success:
            return self._receipt(recipients, f"{opened}; words of success")
        around = told.folded if told.folded.strip() else told.subject.lower()
        findings = [
            Finding(
                address,
                cause_of(words, status_in(words), refused_command(told.folded, address or ""), around, self._senders),
                words,
            )
            for address, words in notice.said_of(told, recipients[:MOST_RECIPIENTS])
        ]
        return self._bounce(findings, f"{opened}; words of the report", delayed=delayed)

    def _receipt(self, recipients: tuple[str, ...], because: str) -> Receipt:
        return Receipt(
            kind=ReceiptKind.DELIVERED,
            recipients=recipients,
            original_message_ids=self._returned.message_ids,
            original_subject=self._returned.subject,
            evidence=(Evidence("bounce", because),),
        )

    def _bounce(self, findings: list[Finding], because: str, *, delayed: bool) -> Bounce:
        leader, addresses = gravest(findings)
        return Bounce(
            kind=BounceKind.DELAYED if delayed else leader.cause.kind,
            recipients=addresses,
            reason=leader.cause.reason,
            status=leader.cause.status,
            smtp_reply=leader.cause.reply,
            action=leader.action or None,
            diagnostic=leader.diagnostic[:MOST_DIAGNOSTIC] or None,
            original_message_ids=self._returned.message_ids,
            original_subject=self._returned.subject,
            evidence=(Evidence("bounce", because), Evidence("reason", leader.cause.because)),
        )
