# ruff: noqa: RUF001 - Cyrillic is meant.
from __future__ import annotations

import re

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.answers import templates
from classifier.bounces import notice_words, reasons
from classifier.optouts import asking
from classifier.phrases import Phrases, loosened

TABLES: dict[str, Phrases] = {
    "opt-outs": asking._ASKS,  # noqa: SLF001 - the tables are private to the modules that search with them
    "reasons": reasons._WORDS,  # noqa: SLF001
    **{name: each for name, each in vars(templates).items() if isinstance(each, Phrases)},
    **{name: each for name, each in vars(notice_words).items() if isinstance(each, Phrases)},
}


def test_matches_come_pattern_by_pattern() -> None:
    phrases = Phrases(r"b+", r"a+")
    assert [(place, found[0]) for place, found in phrases.finditer("aabb a")] == [(0, "bb"), (1, "aa"), (1, "a")]
    first = phrases.search("a b")
    assert first is not None
    assert first[0] == "b"
    assert phrases.search("c") is None


def test_only_what_may_match_is_searched() -> None:
    assert Phrases("one", "two", "three").may_match("two and one") == [0, 1]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"\bслово\b", "это слово тут"),
        (r"a\w+c", "aéc"),
        (r"a\sc", "a\xa0c"),
        (r"a\Wc", "a\nc"),
        (r"a[^\w]c", "a-c"),
        (r"a[\d.]c", "a٣c"),
        (r"x(?=y)y", "xy"),
        (r"(?<!n)ot", "hot"),
        (r"a.{0,50}b", "a" + "-" * 50 + "b"),
        (r"a(?:b.{0,9}c)d", "ab--cd"),
        (r"(?:a[^.]{0,30}b|c)", "a  b"),
        (r"a{2,40}b", "a" * 40 + "b"),
        (r"(?:ab)?c$", "c"),
        (r"a|", ""),
        (r"[^a]b", "\nb"),
        (r"配信|エラー", "メールエラー"),
        (r"a[^?]b", "a\ud800b"),
        (r"a\W(?:b|c)", "a\udfffc"),
    ],
)
def test_re2_never_rules_out_what_matches(pattern: str, text: str) -> None:
    assert re.search(pattern, text)
    assert Phrases(pattern).may_match(text) == [0]


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        (r"(?s)a.b", "DOTALL"),
        (r"(?i)abc", "IGNORECASE"),
        (r"(?a)a\wb", "ASCII"),
        (r"(?im)abc", "IGNORECASE|re.MULTILINE"),
        (r"(?i:k)x", "IGNORECASE"),
        (r"(?i:k)", "IGNORECASE"),
        (r"a(?:b(?s:.))", "DOTALL"),
        (r"(?-i:k)x", "IGNORECASE"),
        (r"(ab)\1", "groupref"),
        (r"(a)?(?(1)b|c)", "groupref exists"),
        (r"(?>ab)c", "atomic group"),
        (r"ab++c", "possessive repeat"),
    ],
)
def test_what_cannot_be_loosened_is_refused_by_its_name(pattern: str, named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(named)) as refused:
        loosened(pattern)
    assert repr(pattern) in str(refused.value)


@pytest.mark.parametrize("name", TABLES)
@given(data=st.data())
@settings(max_examples=60)
def test_no_pattern_of_ours_is_ruled_out_where_it_matches(name: str, data: st.DataObject) -> None:
    table = TABLES[name]
    place = data.draw(st.integers(0, len(table.patterns) - 1))
    text = data.draw(st.from_regex(table.patterns[place]))
    assert place in table.may_match(text)


@pytest.mark.parametrize("name", TABLES)
def test_re2_takes_every_loosened_pattern(name: str) -> None:
    for pattern in TABLES[name].patterns:
        re2.compile(loosened(pattern))


def test_of_what_stands_around_a_wide_gap_the_more_telling_part_is_looked_for() -> None:
    assert loosened(r"ab.{0,900}cdef") == loosened("cdef")
    assert loosened(r"(ab.{0,900}cdef)") == loosened("cdef")
    assert loosened(r"ab.{0,900}cdef|(x.{0,900}yz)") == f"(?:{loosened('cdef')}|{loosened('yz')})"
