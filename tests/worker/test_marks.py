from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from classifier.features import normalise as normal
from classifier.features import placed_tokens, tokens
from classifier.verdict import Evidence
from worker.queries.marks import Piece, marked, marked_report

LONG = 64 * 1024


def shown(pieces: list[Piece]) -> str:
    """Return the pieces as one text, each mark in brackets."""
    return "".join(f"[{piece.text}]" if piece.marked else piece.text for piece in pieces)


def seen(text: str, detector: str, because: str) -> str:
    return shown(marked(text, [Evidence(detector, because)]))


@pytest.mark.parametrize(
    ("text", "words", "as_shown"),
    [
        ("Yes, send us a quote!", "yes, send us", "[Yes], [send us] a quote!"),
        ("How DOES  it\nwork? Does it?", "?, does it", "How [DOES  it]\nwork[?] [Does it?]"),
        ("Could you? Send us more", "you send", "Could you? Send us more"),
        ("Envoyez-moi ça", "ca, moi", "Envoyez-[moi] [ça]"),
        ("Envoyez-moi c\u0327a", "ca", "Envoyez-moi [c\u0327a]"),
        ("groß, größer", "gross", "[groß], größer"),
        ("I don\u2019t, don", "don't", "I [don\u2019t], don"),
        ("j'ai vu, ai-je", "ai", "j'ai vu, [ai]-je"),
        ("the other, then the", "the", "[the] other, then [the]"),
        ("Call +49 170 or mail t@x.example", "an address, call", "[Call] +49 170 or mail [t@x.example]"),
        ("See https://x.example/a?b now", "a link now", "See [https://x.example/a?b now]"),
        ("On 5 May at 10:30, or 14 days", "at a time, a number days, on a date", "[On 5 May] [at 10:30], or [14 days]"),
        ("I have a number of them", "a number", "I have [a number] of them"),
        ("I have a number of 7", "a number", "I have a number of 7"),
        ("Yes", "yes; and the meaning of the whole", "[Yes]"),
        ("Yes", "no", "Yes"),
    ],
)
def test_the_words_the_classifier_names_are_marked(text: str, words: str, as_shown: str) -> None:
    assert seen(text, "classifier", f"words: {words}") == as_shown


@pytest.mark.parametrize(
    ("text", "detector", "because", "as_shown"),
    [
        ("Please TAKE me\noff the list.", "opt_out_words", "take me off the list", "Please [TAKE me\noff the list]."),
        ("Ich bin nicht im Büro.", "absence", "says 'nicht im buro'", "Ich bin [nicht im Büro]."),
        ("Meine Urlaubszeit", "absence", "says 'urlaub'", "Meine [Urlaub]szeit"),
        ("Urlaub, Urlaubszeit", "absence", "says 'urlaub'", "[Urlaub], Urlaubszeit"),
        ("die große Reise", "absence", "says 'die gros'", "[die groß]e Reise"),
        ("Bildungsurlaub", "absence", "says 'urlaub'", "Bildungsurlaub"),
        ("只今休暇を頂いております", "absence", "says '休暇'", "只今[休暇]を頂いております"),
        ("I'm out until May.", "absence", 'says "i\'m out"', "[I'm out] until May."),
        (
            "If it is urgent, call me, since I am away.",
            "automatic_answer",
            "says 'i am away, if it is urgent' and subject 'Call me'",
            "[If it is urgent], call me, since [I am away].",
        ),
        ("I am away.", "automatic_answer", "says 'i am away, if it is urgent'", "I am away."),
        ("Sent automatically.", "automatic_answer", "Auto-Submitted: auto-replied", "Sent automatically."),
        ("unsubscribe", "opt_out_subject", "unsubscribe", "unsubscribe"),
        (
            "nothing likely enough",
            "classifier",
            "nothing likely enough; most of all Engaged (36%)",
            "nothing likely enough",
        ),
    ],
)
def test_the_words_that_a_rule_quotes_are_marked(text: str, detector: str, because: str, as_shown: str) -> None:
    assert seen(text, detector, because) == as_shown


def test_a_phrase_that_was_cut_in_a_word_is_marked_as_far_as_it_is_known() -> None:
    assert seen("Remove me from all lists", "opt_out_words", "remove me from all li") == "[Remove me from all li]sts"


def test_nothing_is_marked_beyond_what_the_detectors_read() -> None:
    text = "yes " + "no " * 10_000 + "yes"
    assert [piece.text for piece in marked(text, [Evidence("classifier", "words: yes")]) if piece.marked] == ["yes"]


def test_marks_that_overlap_become_one() -> None:
    both = [Evidence("classifier", "words: ask me, me again"), Evidence("opt_out_words", "me again soon")]
    assert shown(marked("Ask me again soon.", both)) == "[Ask me again soon]."


def test_in_a_bounce_its_code_and_what_the_server_said_are_marked() -> None:
    text = "It failed.\n<a@x.example>: said: 550 5.1.1\n   User\n   unknown (#5.1.1) 15.1.1 5.1.10\nno such user"
    because = [Evidence("bounce", "words of the report"), Evidence("reason", "says 'no such user' in answer to DATA")]
    assert shown(marked_report(text, because, "5.1.1", "550 5.1.1 User unknown")) == (
        "It failed.\n<a@x.example>: said: [550 5.1.1\n   User\n   unknown] (#[5.1.1]) 15.1.1 5.1.10\n[no such user]"
    )
    assert shown(marked_report(text, (), None, None)) == text


TEXTS = st.text(st.sampled_from("aab? .,'1@:éßÅ\u0301\ud800\0\u00ad休각İﷺ\n\t")) | st.text()
WHY = st.builds(
    Evidence,
    st.sampled_from(["classifier", "opt_out_words", "absence"]),
    st.builds(
        "{}{}{}".format, st.sampled_from(["", "words: ", "says '", 'says "']), TEXTS, st.sampled_from(["", "'", '"'])
    ),
)


@given(TEXTS, st.lists(WHY, max_size=3), TEXTS, TEXTS)
@example("aé", [Evidence("classifier", "words: a number a number a number")], "1", "a")
def test_the_pieces_are_the_text_whatever_it_is(text: str, why: list[Evidence], status: str, diagnostic: str) -> None:
    for pieces in (marked(text, why), marked_report(text, why, status, diagnostic)):
        assert "".join(piece.text for piece in pieces) == text
        assert all(piece.text for piece in pieces)


@given(TEXTS)
def test_what_is_named_is_found(text: str) -> None:
    words = [word for word in text.split() if word.isascii() and word.isalpha()]
    for word in words:
        assert any(piece.marked for piece in marked(text, [Evidence("opt_out_words", word)]))


@given(
    st.text(st.sampled_from("aab? .,':/w@15-hpmt\n")) | st.sampled_from(["a 5 may", "at 5.30 pm", "www.x.example b"])
)
def test_the_tokens_are_those_the_classifier_counts(text: str) -> None:
    assert [token for token, _, _ in placed_tokens(text)] == tokens(normal(text))


@pytest.mark.parametrize("unit", ["a ", "a", "?", "1.", "a@", "www.", "é", "e\u0301", "休", "jan 1 "])
def test_a_text_made_to_take_long_is_cut_like_any_other(unit: str) -> None:
    text = unit * (LONG // len(unit))
    because = [
        Evidence("classifier", "words: a, a a, a number a number"),
        Evidence("absence", f"says '{'a, ' * 30}zz'"),
        Evidence("opt_out_words", "a " * 50),
    ]
    assert "".join(piece.text for piece in marked_report(text, because, "1.1", "a " * 250)) == text
