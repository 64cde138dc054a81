"""The normal form of a text: what varies becomes a placeholder, whatever else stands around it."""

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import features
from classifier.features import normalise, placed_tokens


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Call me on 12 June at 10:30", "call me on xxdate at xxtime"),
        ("See https://shop.example/a?b=1 or www.shop.example", "see xxurl or xxurl"),
        ("Write to tom@reed.example, 25,000 of them", "write to xxaddress xxnumber of them"),
        ("am 15.6. um 9 Uhr, 3 mars 2026", "am xxdate um xxtime , xxdate"),
        ("Ma\u0155ch 2026-06-15", "march xxdate"),
    ],
)
def test_what_varies_becomes_a_placeholder(text: str, normal: str) -> None:
    assert normalise(text) == normal


PIECES = st.sampled_from(
    [
        "12",
        "3",
        "10:30",
        "9 am",
        "june",
        "de ",
        " 2026",
        "https://",
        "www.",
        "a@b.example",
        "@",
        ".",
        "/",
        "-",
        " ",
        "h",
    ]
)


@given(st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=14).map("".join))
def test_the_look_ahead_leaves_no_placeholder_out(text: str) -> None:
    looked = normalise(text), placed_tokens(text.lower())
    with mock.patch.object(features, "_FOUND", Everything()):
        assert (normalise(text), placed_tokens(text.lower())) == looked


class Everything:
    """Has every pattern looked for."""

    def may_match(self, _: str) -> range:
        return range(len(features.NAMES))
