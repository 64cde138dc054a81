"""Step 3, the cascade: what is this message? The first detector that knows decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from classifier.answers.absence import automatic_answer
from classifier.answers.calendar import calendar_answer
from classifier.answers.new_contact import new_contact
from classifier.answers.return_date import return_date
from classifier.bounces.fields import has_status_part
from classifier.bounces.report import delivery_report
from classifier.context import Case, JudgeContext, ReplyJudge, find_languages
from classifier.message import ParsedMessage
from classifier.notifications import ses_notification
from classifier.optouts.optout import opt_out_by_envelope, opt_out_by_words
from classifier.reports import aggregate, certified_mail, complaint, read_receipt
from classifier.verdict import Absence, AutoResponse, Evidence, Outgoing, Reply, ReplyClass, Verdict

__all__ = ["DETECTORS", "JudgeContext", "ReplyJudge", "judge", "judge_batch"]

Detector = Callable[[Case], Verdict | None]


def outgoing(case: Case) -> Outgoing | None:
    """Recognise our own mail, seen in one of our own folders."""
    sender = case.parsed.from_address
    if sender not in case.context.own_addresses or has_status_part(case.parsed):
        return None
    return Outgoing(evidence=(Evidence("outgoing", f"From is our own {sender}"),))


DETECTORS: tuple[Detector, ...] = (
    outgoing,
    complaint,
    read_receipt,
    certified_mail,
    ses_notification,
    delivery_report,
    aggregate,
    opt_out_by_envelope,
    automatic_answer,
    opt_out_by_words,
    calendar_answer,
)
"""In this order, first hit wins; what none of them knows was written by a person, and goes to the classifier."""


def judge(parsed: ParsedMessage, context: JudgeContext) -> Verdict:
    """Return what the message is, and why."""
    return judge_batch([parsed], [context])[0]


def judge_batch(messages: Sequence[ParsedMessage], contexts: Sequence[JudgeContext]) -> list[Verdict]:
    """Judge many messages, each in its context: the rules one by one, the classifier once for all that remain."""
    cases = [Case(*each) for each in zip(messages, contexts, strict=True)]
    verdicts = [by_rules(case) for case in cases]
    remain = [at for at, verdict in enumerate(verdicts) if verdict is None or is_open(verdict)]
    found = _by_classifier([cases[at] for at in remain])
    decided = {at: _together(cases[at], verdicts[at], reply) for at, reply in zip(remain, found, strict=True)}
    return [decided.get(at) or verdict or _undecided(cases[at]) for at, verdict in enumerate(verdicts)]


def by_rules(case: Case) -> Verdict | None:
    """Return what the rules say of a message, None where they leave it to the classifier."""
    return next((verdict for detector in DETECTORS if (verdict := detector(case)) is not None), None)


def is_open(verdict: Verdict) -> bool:
    """Say whether the rules leave to the classifier which kind of automatic answer it is."""
    return isinstance(verdict, AutoResponse) and verdict.perhaps_absent


def _by_classifier(cases: Sequence[Case]) -> list[Reply | None]:
    replies: list[Reply | None] = [None] * len(cases)
    by_classifier: dict[int, tuple[ReplyJudge, list[int]]] = {}
    for at, case in enumerate(cases):
        if classifier := case.context.classifier:
            by_classifier.setdefault(id(classifier), (classifier, []))[1].append(at)
    find_languages(cases)
    for classifier, places in by_classifier.values():
        asked = [(cases[at].parsed.subject, cases[at].text, cases[at].language) for at in places]
        for at, reply in zip(places, classifier.judge_many(asked), strict=True):
            replies[at] = reply
    return replies


def _together(case: Case, by_rule: Verdict | None, reply: Reply | None) -> Verdict | None:
    """Put together what the rules know and what the classifier says; None where neither says anything."""
    if reply is None:
        return by_rule
    if isinstance(by_rule, AutoResponse):
        absent, other = (
            reply.probabilities.get(kind, 0.0) for kind in (ReplyClass.OUT_OF_OFFICE, ReplyClass.AUTO_RESPONSE)
        )
        if absent > other:
            return _absence(case, (*by_rule.evidence, *reply.evidence), by_rule.new_contact)
        return by_rule
    if reply.reply_class is ReplyClass.OUT_OF_OFFICE and reply.sure and (back := _back(case)):
        # An absence notice written by hand may say when the person is back, which a class alone cannot.
        return _absence(case, reply.evidence, new_contact(case), back)
    return reply


def _back(case: Case) -> date | None:
    return return_date(case.folded, case.language, case.context.arrived_at.date(), case.folded_subject)


def _absence(case: Case, evidence: tuple[Evidence, ...], contact: str | None, back: date | None = None) -> Absence:
    return Absence(
        return_date=back or _back(case),
        new_contact=contact,
        visible_text=case.text,
        language=case.language,
        evidence=evidence,
    )


def _undecided(case: Case) -> Reply:
    return Reply(
        reply_class=ReplyClass.ENGAGED,
        confidence=0.0,
        visible_text=case.text,
        language=case.language,
        evidence=(Evidence("classifier", "no classifier loaded"),),
    )
