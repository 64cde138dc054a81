"""How verdicts and clues are kept: the fast way writes what the careful one does."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from classifier.verdict import Evidence, Reply, ReplyClass
from worker.match import Clues, Family
from worker.writing.stored import dump, dump_text, load_clues, load_verdict

# Every character there is, also a NUL and the halves of surrogate pairs.
TEXTS = st.text(max_size=20) | st.sampled_from(["\0", "\ud800", "a\0b\udfff", "\\u0000", '"\\'])


@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_clues_are_kept_as_the_same_text_either_way(subject: str, answers: list[str]) -> None:
    clues = Clues(family=Family.REPLY, subject=subject, answers=tuple(answers), junk=True)
    assert json.loads(dump_text(clues)) == dump(clues)
    assert load_clues(json.loads(dump_text(clues))) == load_clues(dump(clues))


@given(TEXTS, TEXTS, st.floats(0, 1))
def test_a_verdict_is_kept_as_the_same_text_either_way(words: str, because: str, confidence: float) -> None:
    verdict = Reply(
        reply_class=ReplyClass.ENGAGED,
        confidence=confidence,
        probabilities={"Engaged": confidence},
        visible_text=words,
        evidence=(Evidence("classifier", because),),
    )
    assert json.loads(dump_text(verdict)) == dump(verdict)
    assert load_verdict("reply", json.loads(dump_text(verdict))) == load_verdict("reply", dump(verdict))
