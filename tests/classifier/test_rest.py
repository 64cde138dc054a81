from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from classifier.message import parse
from classifier.own_words.quotes import PERHAPS_QUOTED
from classifier.own_words.rest import rest_of
from classifier.own_words.words import bare, own_words, unflowed
from tests.classifier.letters import letter
from tests.classifier.own_words_cases import read_cases

LINES = st.sampled_from(["Yes.", "Call me ", "", "  ", "> Are you there?", "-- ", "Tom Reed", "On 1 Jun Lena wrote:"])


def both(text: str, content_type: str = "text/plain") -> tuple[str, str]:
    """Return the own words of a mail, and the rest."""
    parsed = parse(letter(text, content_type=content_type))
    own = own_words(parsed).text
    return own, rest_of(parsed, own)


def test_what_stands_below_the_own_words_is_the_rest() -> None:
    text = "Sounds good.\n\nTom\n-- \nTom Reed\n\nOn 1 Jun 2026 10:12, Lena <l@o.example> wrote:\n> A call?\n"
    own, rest = both(text)
    assert own == "Sounds good.\n\nTom"
    assert rest == "-- \nTom Reed\n\nOn 1 Jun 2026 10:12, Lena <l@o.example> wrote:\n> A call?"


def test_a_mail_of_own_words_alone_has_no_rest() -> None:
    assert both("Sounds good.\n\nTom\n") == ("Sounds good.\n\nTom", "")


def test_answers_between_quoted_lines_are_no_rest() -> None:
    own, rest = both("On 1 Jun 2026 10:12, Lena <l@o.example> wrote:\n> In charge?\n\nYes.\n\n> A call?\nFriday.\n")
    assert own.split() == ["Yes.", "Friday."]
    assert rest == "On 1 Jun 2026 10:12, Lena <l@o.example> wrote:\n> In charge?\n\n> A call?"


def test_a_line_that_stands_twice_is_taken_out_once() -> None:
    own, rest = both("Lena <l@o.example> wrote at 10:12:\n> Thanks\n\nThanks\n\n-- \nThanks\n")
    assert (own, rest.count("Thanks")) == ("Thanks", 2)


def test_lines_broken_softly_are_compared_as_they_were_typed() -> None:
    typed = "> A call?\n\nThis would be \nfine with me.\n\n>> older\n-- \nTom\n"
    own, rest = both(typed, "text/plain; format=flowed")
    assert (own, rest) == ("This would be fine with me.", "> A call?\n\n>> older\n-- \nTom")


def test_the_rest_of_a_page_is_what_a_reader_sees() -> None:
    page = '<p>Yes,&nbsp;call me.</p><div class="gmail_quote"><p>Are you in charge?</p></div>'
    assert both(page, "text/html") == ("Yes, call me.", "Are you in charge?")


def test_a_line_that_was_cut_within_stays_whole() -> None:
    line = "Yes, fine. On Mon, 1 Jun 2026 at 10:12 Lena <l@o.example> wrote:"
    own, rest = both(f"{line}\n> A call?\n")
    assert (own, rest) == ("Yes, fine.", f"{line}\n> A call?")


def test_no_mail_loses_a_word() -> None:
    for case in read_cases():
        parsed = parse(case.raw)
        own = own_words(parsed).text
        seen = bare(unflowed(parsed) if parsed.plain else parsed.text).replace(PERHAPS_QUOTED, "")
        assert not _words(seen) - _words(own) - _words(rest_of(parsed, own))


@given(st.lists(LINES), st.lists(LINES))
def test_no_line_is_lost_whatever_the_own_words_are(lines: list[str], own: list[str]) -> None:
    parsed = parse(letter("\n".join(lines)))
    assert not _words(parsed.text) - _words("\n".join(own)) - _words(rest_of(parsed, "\n".join(own)))


def _words(text: str) -> Counter[str]:
    return Counter(text.split())
