"""What an automatic answer says: away, gone for good, or merely received; and whom to write to instead."""

from __future__ import annotations

from datetime import date

from classifier.answers.automatic import says_absence, why_automatic
from classifier.answers.calendar import calendar_answer
from classifier.answers.new_contact import new_contact
from classifier.answers.return_date import return_date
from classifier.answers.templates import away_words, left_words, slow_words, speaks_for_itself, unread_words
from classifier.context import Case
from classifier.optouts.asking import asks_to_stop
from classifier.verdict import Absence, AutoResponse, Evidence, OptOut

_NOTHING_SAID = Evidence("automatic_answer", "no word of an absence")


def automatic_answer(case: Case) -> Absence | AutoResponse | OptOut | None:
    """Judge an answer that a machine wrote: absence, opt-out in its own words, or any other automatic answer."""
    why = why_automatic(case)
    if why is None or calendar_answer(case):
        # Calendar services mark the answers of people as generated.
        return None
    evidence = Evidence("automatic_answer", why)
    if words := asks_to_stop(case.folded, by_machine=True):
        asked = Evidence("opt_out_words", words)
        return OptOut(visible_text=case.text, language=case.language, by_machine=True, evidence=(evidence, asked))
    back = return_date(case.folded, case.language, case.context.arrived_at.date(), case.folded_subject)
    contact = new_contact(case)
    absent, said = _absent(case, back)
    if not absent:
        return AutoResponse(
            new_contact=contact,
            visible_text=case.text,
            language=case.language,
            perhaps_absent=said is _NOTHING_SAID,
            evidence=(evidence, said),
        )
    return Absence(
        return_date=back, new_contact=contact, visible_text=case.text, language=case.language, evidence=(evidence, said)
    )


def says_away(text: str) -> bool:
    """Say whether the folded words are those of an absence notice."""
    return away_words(text.replace("\n", " ")) is not None


def _absent(case: Case, back: date | None) -> tuple[bool, Evidence]:
    """Say whether the notice is one of absence, and by which words."""
    text = case.folded.replace("\n", " ")
    away = away_words(text)
    if not back:
        # Who has left does not come back, whatever else the notice says.
        other = left_words(text) or (None if away else unread_words(text) or slow_words(text))
        if other:
            return False, Evidence("automatic_answer", f"says {other!r}")
    if away:
        return True, Evidence("absence", f"says {away!r}")
    if back and speaks_for_itself(text):
        return True, Evidence("absence", "its date of return")
    if says_absence(case.folded_subject):
        return True, Evidence("absence", "its subject")
    return False, _NOTHING_SAID
