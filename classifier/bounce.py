"""Is it a report that our mail could not be delivered, about whom, and why? (RFC 3464 and everything before it)."""

from __future__ import annotations

import re

from classifier import known_formats, notice
from classifier.absence import says_away
from classifier.automatic import why_answer
from classifier.context import Case
from classifier.decode import addresses_in
from classifier.dsn import RecipientStatus, StatusReport, has_status_part, status_report
from classifier.message import ParsedMessage
from classifier.reasons import KIND_OF, kind_of, reason_in, reason_of, reply_in, status_in
from classifier.returned import ReturnedMail, split_report
from classifier.verdict import Bounce, BounceKind, Evidence, Receipt, ReceiptKind

MOST_RECIPIENTS = 50
_BY_SUBJECT = "subject of a delivery report"
_DAEMONS = re.compile(
    r"^(?:mailer[-_.]?d(?:a?e|e?a)mon|post[-_.]?master|mail[-_.]?daemon|maildelivery|mdaemon|.*mailer-daemon.*|"
    r"double-bounce"
    r"|bounces?(?:[-+=_.].*)?|mail[-_.]delivery[-_.](?:system|subsystem)|microsoftexchange[0-9a-f]{10,}.*"
    r"|mailadm(?:in)?|smtpd?[-_]?(?:server|daemon|gateway)?|mmdf|mailmaster|mailsystem|symantec_.*|returned[-_.]?mail"
    r")$",
    re.IGNORECASE,
)
_MACHINE = re.compile(
    r"^(?:no|do[-_.]?not)[-_.]?reply|admin|^root$|^mail$|^smtp|^system|^notif|^alert|^abuse|gateway|scan|filter|daemon|virus|spam"
)
_DAEMON_NAME = re.compile(
    r"mail(?:er)?[ -]?(?:delivery|daemon|system|administrator|server|gateway)|delivery (?:sub)?system|postmaster|"
    r"system administrator"
    r"|mail administrator|internet mail delivery|undeliver",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"undeliver|un-?deliverable|not delivered|non.?(?:deliver|remis|recap)|returned (?:mail|message|to sender)|"
    r"return(?:ed|ing) (?:e-?mail|message|to sender)"
    r"|(?:delivery|mail|message|e-?mail|transport|sending|nachricht|"
    r"smtp)[ -]*(?:status )?(?:delivery )?(?:notification|fail|error|problem|report|unsuccessful|rejected|aborted|"
    r"could ?n.t|delayed)"
    r"|fail(?:ed|ure) (?:notice|mail|delivery|of delivery|to deliver)|fail(?:ed|ure)\b.{0,30}deliver|"
    r"could not (?:be delivered|send)|unable to deliver|can(?:no|')t (?:be )?deliver"
    r"|\bndr\b|\bdsn\b|nondeliverable|bounce|unzustellbar|zustell|nicht zugestellt|fehler|échec|echec|non remis|"
    r"no se (?:ha podido|puede|pudo) entregar"
    r"|no entregado|mancato recapito|mancata consegna|não (?:foi )?entregue|falha|niet (?:besteld|bezorgd)|"
    r"onbestelbaar|niedostarcz|zwrot|не доставлен|недостав|ошибк"
    r"|エラー|配信|returned|rejected|user unknown|unknown (?:user|recipient)|mailbox (?:full|unavailable)|"
    r"mail system error|warning: could not|warning: message|delay|problem",
    re.IGNORECASE,
)


def delivery_report(case: Case) -> Bounce | Receipt | None:
    """Recognise a report of failure, delay or success."""
    parsed = case.parsed
    gate = _gate(parsed)
    if gate is None:
        return None
    words, returned = split_report(parsed)
    report = status_report(parsed, parsed.text, wrapped=gate != _BY_SUBJECT)
    if report is not None and (found := _from_fields(report, words, returned, gate)):
        return found
    if report is None and gate == _BY_SUBJECT and says_away(case.folded):
        return None
    if report is None and not parsed.header("X-Failed-Recipients") and why_answer(parsed, case.folded_subject):
        # An absence notice from a null sender is no bounce, whatever its words are.
        return None
    return _from_words(parsed, words, returned, gate, case.context.own_addresses)


def _gate(parsed: ParsedMessage) -> str | None:
    """Return what lets the costlier looks happen at all, or None: most mail ends here."""
    if has_status_part(parsed) or "report-type=delivery-status" in parsed.content_type.replace('"', "").replace(
        " ", ""
    ):
        return "delivery-status report"
    if parsed.header("X-Failed-Recipients"):
        return "X-Failed-Recipients"
    if _is_daemon(parsed):
        return "sent by a mail system"
    null = (parsed.header("Return-Path") or "").strip() in {"<>", "< >"}
    if null and any(part.content_type == "message/rfc822" and not part.embedded for part in parsed.parts):
        return "mail returned by a null sender"
    # A person may write about a failed delivery, so a subject needs a machine behind it.
    if _SUBJECT.search(parsed.subject) and (null or _is_machine(parsed)):
        return _BY_SUBJECT
    return None


def _is_daemon(parsed: ParsedMessage) -> bool:
    sender = parsed.header("From") or ""
    local = (parsed.from_address or sender.strip().strip("<>")).partition("@")[0].strip('"')
    name = parsed.from_name or sender.partition("<")[0]
    return bool(sender.rstrip().endswith("<>") or _DAEMONS.match(local) or _DAEMON_NAME.search(name))


def _is_machine(parsed: ParsedMessage) -> bool:
    submitted = (parsed.header("Auto-Submitted") or "no").strip().lower()
    local = (parsed.from_address or "").partition("@")[0]
    return not submitted.startswith("no") or not local or bool(_MACHINE.search(local))


def _from_fields(report: StatusReport, words: str, returned: ReturnedMail, gate: str) -> Bounce | Receipt | None:
    for outcome in ("failed", "delayed", "delivered"):
        if group := report.with_outcome(outcome):
            break
    else:
        return None
    evidence = (Evidence("bounce", f"{gate}; Action {group[0].action or 'missing'}, Status {group[0].status}"),)
    if outcome == "delivered":
        return Receipt(
            kind=ReceiptKind.DELIVERED,
            recipients=_unique(each.address for each in group),
            original_message_ids=returned.message_ids,
            original_subject=returned.subject,
            evidence=evidence,
        )
    addressless = not any(each.address for each in group)
    more = notice.recipients(words, returned, frozenset()) if addressless else ()
    judged = [(_cause(each, words), each) for each in group]
    worst, leader = min(judged, key=lambda each: _ORDER.index(each[0][0]))
    kind, reason = (BounceKind.DELAYED, worst[1]) if outcome == "delayed" else worst
    alike = [each for cause, each in judged if cause[0] is worst[0]]
    return Bounce(
        kind=kind,
        recipients=_unique((*(each.address for each in alike), *more)),
        reason=reason,
        status=leader.status,
        smtp_reply=reply_in(leader.diagnostic or ""),
        action=leader.action or None,
        diagnostic=leader.diagnostic,
        reporting_mta=report.reporting_mta,
        original_message_ids=returned.message_ids,
        original_subject=returned.subject,
        evidence=evidence,
    )


_ORDER = (BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY, BounceKind.UNKNOWN, BounceKind.DELAYED)
"""A report about several addresses speaks of those with the gravest cause; the others are not mixed in."""


def _cause(each: RecipientStatus, words: str) -> tuple[BounceKind, str]:
    diagnostic = each.diagnostic or ""
    said = status_in(diagnostic)
    status = said if each.status is None or each.status.endswith(".0.0") else each.status
    reason = reason_of(diagnostic, status) or _of_words(words, diagnostic)
    return kind_of(reason, status or each.status, reply_in(diagnostic)), reason


def _of_words(words: str, diagnostic: str) -> str:
    """Return the reason the whole text gives; where a server spoke unclearly, the text around it bans nobody."""
    reason = reason_in(words) or "undefined"
    return "undefined" if reply_in(diagnostic) and KIND_OF[reason] is BounceKind.HARD else reason


def _from_words(
    parsed: ParsedMessage, words: str, returned: ReturnedMail, gate: str, own: frozenset[str]
) -> Bounce | None:
    failed = addresses_in(parsed.header("X-Failed-Recipients") or "")
    delayed = notice.is_delayed(parsed.subject, words)
    if not failed and not delayed and not notice.tells_failure(parsed.subject, words):
        return None
    recipients = failed or known_formats.recipients(parsed) or notice.recipients(words, returned, own)
    if not recipients and gate == _BY_SUBJECT:
        return None
    diagnostic = notice.diagnostic(words, recipients)
    status, reply = status_in(diagnostic), reply_in(diagnostic)
    reason = reason_of(diagnostic, status) or reason_in(parsed.subject) or _of_words(words, diagnostic)
    return Bounce(
        kind=BounceKind.DELAYED if delayed else kind_of(reason, status, reply),
        recipients=recipients[:MOST_RECIPIENTS],
        reason=reason,
        status=status,
        smtp_reply=reply,
        diagnostic=diagnostic[:500] or None,
        original_message_ids=returned.message_ids,
        original_subject=returned.subject,
        evidence=(Evidence("bounce", f"{gate}; words of the report"),),
    )


def _unique(addresses: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in addresses if each))[:MOST_RECIPIENTS]  # type: ignore[attr-defined]
