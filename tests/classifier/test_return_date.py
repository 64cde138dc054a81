"""Whole notices in many languages stand in return_dates.txt; here is what holds for all of them."""

# ruff: noqa: RUF001 - letters of many scripts look alike, and each of them is meant.
from __future__ import annotations

import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.answers.return_date import FURTHEST, return_date
from classifier.answers.return_mentions import relative
from classifier.folding import folded
from classifier.judge import judge
from classifier.language import language_of
from classifier.message import parse
from classifier.verdict import Absence, AutoResponse, ReplyClass
from tests.classifier.letters import context, judged, letter
from tests.classifier.test_judge import OneAnswer

NOW = date(2026, 6, 3)  # A Wednesday.
NOTICES = [
    line.split(" | ", 3)
    for line in (Path(__file__).parent / "return_dates.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
MAIN_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "nb", "fi")


def back_of(text: str, arrived_on: date = NOW, subject: str = "", language: str | None = None) -> date | None:
    return return_date(folded(text), language or language_of(text), arrived_on, folded(subject))


def day(written: str) -> date | None:
    if written == "-":
        return None
    return date.fromisoformat(written if len(written) > len("06-15") else f"{NOW.year}-{written}")


@pytest.mark.parametrize(
    ("arrival", "back", "text"), [notice[1:] for notice in NOTICES], ids=[f"{each[0]}: {each[3]}" for each in NOTICES]
)
def test_a_notice_says_when_the_person_is_back(arrival: str, back: str, text: str) -> None:
    arrived_on = NOW if arrival == "." else date.fromisoformat(arrival)
    assert back_of(text.replace("\\n", "\n"), arrived_on) == day(back)


def test_every_main_language_has_notices_with_and_without_a_date() -> None:
    number = Counter(language for language, *_ in NOTICES)
    without = Counter(language for language, _, back, _ in NOTICES if back == "-")
    assert all(number[each] >= 12 and without[each] >= 3 for each in MAIN_LANGUAGES)
    assert without.total() >= 60


@pytest.mark.parametrize(
    ("text", "subject", "back"),
    [
        ("I read mail when I can.", "Automatic reply: Out of office until 12 June", date(2026, 6, 13)),
        ("", "Abwesend vom 1.6. bis 12.6.", date(2026, 6, 13)),
        ("", "Tom Reed is out of the office (returning 06/15/2026)", date(2026, 6, 15)),
        ("I am away until 12 June.", "Out of office, back 15 June", date(2026, 6, 15)),
        ("I am away.", "Automatic reply: Offer until 12 June", None),
        ("I am away.", "Out of office: Holiday sale until 12 June", None),
        ("Ich bin nicht im Haus.", "Abwesenheitsnotiz: Re: Angebot bis 12. Juni", None),
        ("I am away.", "Automatic reply: Back in Berlin on 15 June?", None),
    ],
)
def test_the_subject_of_a_notice_says_it_too_but_not_where_it_copies_ours(
    text: str, subject: str, back: date | None
) -> None:
    assert back_of(text, subject=subject) == back


def test_the_subject_reaches_the_verdict() -> None:
    raw = letter("I read mail later.", subject="Out of office until 12 June", Auto_Submitted="auto-replied")
    verdict = judged(raw)
    assert isinstance(verdict, Absence)
    assert verdict.return_date == date(2026, 6, 13)


def test_the_subject_of_a_notice_written_by_hand_reaches_the_verdict() -> None:
    world = context(classifier=OneAnswer(ReplyClass.OUT_OF_OFFICE))
    verdict = judge(parse(letter("I read mail later.", subject="Travelling until 12 June")), world)
    assert isinstance(verdict, Absence)
    assert verdict.return_date == date(2026, 6, 13)


@pytest.mark.parametrize(
    ("text", "back"),
    [
        # Alone, an English date in figures has two meanings.
        ("I am out of the office until 06/07/2026.", None),
        # The weekday fits one of them.
        ("I am out of the office until Sunday 06/07/2026.", date(2026, 6, 8)),
        ("I am out of the office until Monday 06/07/2026.", date(2026, 7, 7)),
        ("I am out of the office until Friday 06/07/2026.", None),
        # The other end of the range has one meaning.
        ("I am out of the office from 05/28/2026 until 06/07/2026.", date(2026, 6, 8)),
        ("I am out of the office from 28/05/2026 until 06/07/2026.", date(2026, 7, 7)),
        # Two dates, each in another order: nothing can be said of a third.
        ("I am out of the office from 28/05/2026 until 06/07/2026. Closed until 05/28/2026.", None),
        # The same day once more, with the name of its month.
        ("I am out of the office until 06/07/2026. I will be back on 7 June.", date(2026, 6, 7)),
        # Only in one order does the range cover the arrival.
        ("I am out of the office from 01/06 to 12/06.", date(2026, 6, 13)),
        # There is no thirteenth month.
        ("I am out of the office until 13/6.", date(2026, 6, 14)),
        ("I am out of the office until 6/13.", date(2026, 6, 14)),
        ("I am out of the office until 6/6.", date(2026, 6, 7)),
    ],
)
def test_the_order_of_day_and_month_needs_evidence_in_english(text: str, back: date | None) -> None:
    assert back_of(text, language="en") == back


@pytest.mark.parametrize(("language", "back"), [("it", date(2026, 10, 4)), ("pt", date(2026, 10, 4)), ("en", None)])
def test_a_short_month_that_is_a_word_elsewhere_is_one_in_its_languages_alone(language: str, back: date | None) -> None:
    assert back_of("Sono fuori ufficio fino al 3 out.", language=language) == back
    set_back = None if back is None else date(2026, 9, 13)
    assert back_of("Sono fuori ufficio fino al 12 set 2026.", language=language) == set_back


def test_other_languages_write_the_day_first() -> None:
    assert back_of("Je suis absent jusqu'au 06/07/2026.") == date(2026, 7, 7)
    assert back_of("Jag är på semester t.o.m. 6/7.", language="en") == date(2026, 7, 7)


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("I am away 1-5 June and again 15-19 June.", date(2026, 6, 6)),
        ("I am away 8-12 June and again 15-19 June.", None),
        ("I am away until 5 June. I am on leave until 19 June.", date(2026, 6, 20)),
        ("I am away 1-12 June, back on the 15th.", date(2026, 6, 15)),
        ("I am away 1-12 June, back on 10 June.", None),
        ("I am away until Friday 12 June and will be back on Monday.", date(2026, 6, 15)),
        ("I was away until 22 May, and am away until 12 June.", date(2026, 6, 13)),
        # Whichever of the two is wrong, nobody can tell.
        ("I am away from 20 June 2026 until 12 June 2026.", None),
    ],
)
def test_several_days_are_weighed_together(text: str, back: date | None) -> None:
    assert back_of(text) == back


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("I am back on Friday.", date(2026, 6, 5)),
        ("I am back on Monday.", date(2026, 6, 8)),
        ("I am back on Wednesday.", None),
        ("I am back next Monday.", date(2026, 6, 8)),
        ("I am back next Friday.", None),
        ("I am back on Monday or Tuesday.", None),
        ("I am back on Mondays.", None),
        ("I am back in 10 days.", date(2026, 6, 13)),
        ("I am back in a week.", date(2026, 6, 10)),
        ("I am back in about two weeks.", None),
        ("I am back in 2-3 weeks.", None),
        ("I am back on the 15th.", date(2026, 6, 15)),
        ("I am back on the 2nd.", None),
        ("I am back on Thursday the 2nd.", date(2026, 7, 2)),
        ("I am back on Monday the 16th.", None),
    ],
)
def test_a_day_without_its_month_counts_only_where_it_is_certain(text: str, back: date | None) -> None:
    assert back_of(text) == back


@pytest.mark.parametrize(
    ("arrived_on", "text", "back"),
    [
        (date(2026, 12, 28), "I am back on 3 January.", date(2027, 1, 3)),
        (date(2027, 1, 2), "I am away from 20 December to 5 January.", date(2027, 1, 6)),
        (date(2027, 1, 5), "I am away until 28 December.", None),
        (date(2026, 6, 13), "I am away until 12 June.", date(2026, 6, 13)),
        (date(2026, 6, 14), "I am away until 12 June.", None),
        (date(2026, 6, 15), "I am back on 15 June.", date(2026, 6, 15)),
        (date(2026, 6, 16), "I am back on 15 June.", None),
        (date(2026, 6, 3), "I am back on 3 June 2027.", date(2027, 6, 3)),
        (date(2026, 6, 3), "I am back on 5 June 2027.", None),
        (date(2027, 6, 3), "I am back on 29 February.", date(2028, 2, 29)),
        (date(2026, 6, 3), "I am back on 31 June.", None),
    ],
)
def test_the_year_follows_from_the_arrival(arrived_on: date, text: str, back: date | None) -> None:
    assert back_of(text, arrived_on) == back


@pytest.mark.parametrize(
    "text",
    [
        "I am away.\n\n> Back on 12 June, says the one I answer.",
        'I am away. Your mail "I am back on 12 June" was received.',
        "I am away.\n-- \nTom Reed, back on 12 June with new songs",
    ],
)
def test_what_is_quoted_or_signed_says_nothing(text: str) -> None:
    assert back_of(text) is None


MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "da": "januar februar marts april maj juni juli august september oktober november december",
    "nb": "januar februar mars april mai juni juli august september oktober november desember",
    "fi": "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta "
    "marraskuuta joulukuuta",
    "cs": "ledna února března dubna května června července srpna září října listopadu prosince",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "hu": "január február március április május június július augusztus szeptember október november december",
    "tr": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
}
BACK_ON = {
    "en": "I am back on {day} {month}{year}.",
    "de": "Ich bin am {day}. {month}{year} wieder da.",
    "fr": "Je suis de retour le {day} {month}{year}.",
    "es": "Vuelvo el {day} de {month}{de}{year}.",
    "it": "Torno il {day} {month}{year}.",
    "pt": "Volto no dia {day} de {month}{de}{year}.",
    "nl": "Ik ben op {day} {month}{year} terug.",
    "pl": "Wracam {day} {month}{year}.",
    "sv": "Jag är tillbaka den {day} {month}{year}.",
    "da": "Jeg er tilbage den {day}. {month}{year}.",
    "nb": "Jeg er tilbake {day}. {month}{year}.",
    "fi": "Palaan {day}. {month}{year}.",
    "cs": "Vrátím se {day}. {month}{year}.",
    "ru": "Вернусь {day} {month}{year}.",
    "hu": "{before}{month} {day}-én vagyok újra itt.",
    "tr": "{day} {month}{year} günü döneceğim.",
}
IN_FIGURES = {
    "ISO": "I am back on {date:%Y-%m-%d}.",
    "de": "Ich bin ab dem {date:%d.%m.%Y} wieder da.",
    "fr": "Je suis de retour le {date:%d/%m/%Y}.",
    "nl": "Ik ben op {date:%d-%m-%Y} terug.",
    "fi": "Palaan {date.day}.{date.month}.{date.year}.",
    "ja": "{date.year}年{date.month}月{date.day}日に戻ります。",
    "zh": "我将于{date.year}年{date.month}月{date.day}日返回。",
}


def written(language: str, back: date, *, year: bool) -> str:
    month = MONTHS[language].split()[back.month - 1]
    places = {"day": back.day, "month": month, "year": f" {back.year}" if year else "", "de": " de" if year else ""}
    return BACK_ON[language].format(**places, before=f"{back.year}. " if year else "")


ARRIVALS = st.dates(date(2020, 1, 1), date(2040, 12, 31))


@pytest.mark.parametrize("language", BACK_ON)
@given(ARRIVALS, st.integers(0, 365))
def test_the_ordinary_form_of_a_language_gives_every_date(language: str, arrived_on: date, ahead: int) -> None:
    back = arrived_on + timedelta(days=ahead)
    assert back_of(written(language, back, year=True), arrived_on) == back


@pytest.mark.parametrize("language", BACK_ON)
@given(ARRIVALS, st.integers(0, 300))
def test_a_date_without_its_year_is_the_next_such_day(language: str, arrived_on: date, ahead: int) -> None:
    back = arrived_on + timedelta(days=ahead)
    assert back_of(written(language, back, year=False), arrived_on) == back


@pytest.mark.parametrize("language", IN_FIGURES)
@given(ARRIVALS, st.integers(0, 365))
def test_a_date_in_figures_gives_every_date(language: str, arrived_on: date, ahead: int) -> None:
    back = arrived_on + timedelta(days=ahead)
    assert back_of(IN_FIGURES[language].format(date=back), arrived_on) == back


PIECES = [
    *" ".join(text for *_, text in NOTICES).split(),
    *(
        "12 June",
        "1-12 June",
        "31.2.",
        "0/0",
        "29 February",
        "2026-06-15",
        "99/99/9999",
        "6月15日",
        "0000-00-00",
        "\n\n",
    ),
    *("the 31st", "in 99 weeks", "15.6.-", '"', "> ", "01.01.0001", "31 December 9999", "May", "-", ":", "0月0日"),
]
SOUP = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=40).map(" ".join)


@given(SOUP, SOUP, ARRIVALS, st.sampled_from(["en", "de", "nl", "pt", "pl", None]))
def test_whatever_the_text_a_return_is_no_past_day_and_at_most_a_year_ahead(
    text: str, subject: str, arrived_on: date, language: str | None
) -> None:
    back = return_date(folded(text), language, arrived_on, folded(subject))
    assert back is None or arrived_on <= back <= arrived_on + FURTHEST


@pytest.mark.parametrize("text", ["I am back tomorrow.", "I am back on the 15th.", "I am away until 31 December 9999."])
def test_a_mail_from_the_end_of_time_has_no_return(text: str) -> None:
    for days in range(0, 4 * 366, 7):
        back = return_date(folded(text), "en", date.max - timedelta(days=days))
        assert back is None or back <= date.max - timedelta(days=days) + FURTHEST
    assert return_date("i am back tomorrow.", "en", date.max) is None


def test_a_mail_that_says_it_is_from_the_end_of_time_is_judged() -> None:
    parsed = parse(letter("I am back tomorrow.", Auto_Submitted="auto-replied", Date="Fri, 31 Dec 9999 23:59:59 +0000"))
    verdict = judge(parsed, context(arrived_at=parsed.date))
    assert isinstance(verdict, Absence | AutoResponse)


@given(SOUP, st.sampled_from(["en", "de", "pt"]))
def test_without_a_digit_or_a_word_for_a_day_there_is_no_return(text: str, language: str) -> None:
    plain = "".join(char for char in folded(text) if not char.isdigit())
    if not list(relative(plain)):
        assert return_date(plain, language, NOW, plain) is None


@pytest.mark.parametrize("piece", ["12 ", "1.1.", "monday ", "back until 1/2 ", "jan 1 ", "1-", "until the ", "a. "])
def test_a_hostile_text_takes_no_time(piece: str) -> None:
    began = time.perf_counter()
    assert return_date(piece * 5_000, "en", NOW, piece * 5_000) is None
    assert time.perf_counter() - began < 10
