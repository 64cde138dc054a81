"""Step 3, the cascade: what is this message? The first detector that knows decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from classifier.answers.absence import automatic_answer
from classifier.answers.calendar import calendar_answer
from classifier.answers.new_contact import new_contact
from classifier.answers.return_date import return_date
from classifier.bounces.fields import has_status_part
from classifier.bounces.report import delivery_report
from classifier.context import Case, JudgeContext, ReplyJudge
from classifier.message import ParsedMessage
from classifier.notifications import ses_notification
from classifier.optouts.optout import opt_out_by_envelope, opt_out_by_words
from classifier.reports import aggregate, certified_mail, complaint, read_receipt
from classifier.verdict import Absence, Evidence, Outgoing, Reply, ReplyClass, Verdict

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
    verdicts = [_by_rules(case) for case in cases]
    open_cases = [case for case, verdict in zip(cases, verdicts, strict=True) if verdict is None]
    replies = iter(_by_classifier(open_cases))
    return [next(replies) if verdict is None else verdict for verdict in verdicts]


def _by_rules(case: Case) -> Verdict | None:
    return next((verdict for detector in DETECTORS if (verdict := detector(case)) is not None), None)


def _by_classifier(cases: Sequence[Case]) -> list[Verdict]:
    replies: dict[int, Verdict] = {}
    by_classifier: dict[int, tuple[ReplyJudge, list[int]]] = {}
    for at, case in enumerate(cases):
        classifier = case.context.classifier
        if classifier is None:
            replies[at] = _undecided(case)
        else:
            by_classifier.setdefault(id(classifier), (classifier, []))[1].append(at)
    for classifier, places in by_classifier.values():
        asked = [(cases[at].parsed.subject, cases[at].text, cases[at].language) for at in places]
        for at, reply in zip(places, classifier.judge_many(asked), strict=True):
            replies[at] = _dated(cases[at], reply)
    return [replies[at] for at in range(len(cases))]


def _dated(case: Case, reply: Reply) -> Verdict:
    """An absence notice written by hand may say when the person is back, which a class alone cannot."""
    if reply.reply_class is not ReplyClass.OUT_OF_OFFICE or not reply.sure:
        return reply
    back = return_date(case.folded, case.language, case.context.arrived_at.date(), case.folded_subject)
    if back is None:
        return reply
    return Absence(
        return_date=back,
        new_contact=new_contact(case),
        visible_text=case.text,
        language=case.language,
        evidence=reply.evidence,
    )


def _undecided(case: Case) -> Reply:
    return Reply(
        reply_class=ReplyClass.ENGAGED,
        confidence=0.0,
        visible_text=case.text,
        language=case.language,
        evidence=(Evidence("classifier", "no classifier loaded"),),
    )
