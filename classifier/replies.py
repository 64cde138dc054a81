"""Judging replies with an artifact; needs numpy alone, so a running worker never loads the training libraries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from classifier.artifact import LABELS, Artifact
from classifier.features import NAMES, document, pieces, tokens
from classifier.verdict import Evidence, Reply, ReplyClass

_REMEMBERED = 16_384
"""Words whose pieces are kept: those of a language that occur again and again."""
_UNSUBSCRIBED = LABELS.index(ReplyClass.UNSUBSCRIBED)

Ids = NDArray[np.intp]
Weights = NDArray[np.float64]


class TrainedJudge:
    """Says which class a reply belongs to, as the artifact learnt it."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self._words = {term: index for index, term in enumerate(artifact.word_terms)}
        self._pieces = {term: index for index, term in enumerate(artifact.char_terms)}
        self._pieces_of = lru_cache(_REMEMBERED)(self._look_up_pieces)

    @property
    def version(self) -> str:
        """The version of the artifact, as every verdict names it."""
        return self._artifact.version

    def judge(self, subject: str, text: str, language: str | None) -> Reply:
        """Judge one reply by its subject and the sender's own words."""
        normal = document(subject, text)
        words = tokens(normal)
        if not words:
            return self._empty(text, language)
        ids, weights = self._weigh_words(words)
        probabilities = self._probabilities(ids, weights, words)
        best = int(np.argmax(probabilities))
        label, confidence = LABELS[best], float(probabilities[best])
        sure = confidence >= self._artifact.thresholds.sure[label]
        return Reply(
            reply_class=ReplyClass(label),
            confidence=confidence,
            probabilities=dict(zip(LABELS, probabilities.tolist(), strict=True)),
            sure=sure,
            hold=self._must_hold(float(probabilities[_UNSUBSCRIBED]), best, sure=sure),
            visible_text=text,
            language=language,
            artifact=self.version,
            evidence=self._evidence(best, ids, weights),
        )

    def judge_many(self, replies: Sequence[tuple[str, str, str | None]]) -> list[Reply]:
        """Judge many replies, each given as subject, text and language."""
        return [self.judge(subject, text, language) for subject, text, language in replies]

    def _must_hold(self, unsubscribed: float, best: int, *, sure: bool) -> bool:
        likely = best == _UNSUBSCRIBED or unsubscribed >= self._artifact.thresholds.hold
        return likely and not (best == _UNSUBSCRIBED and sure)

    def _empty(self, text: str, language: str | None) -> Reply:
        even = 1 / len(LABELS)
        return Reply(
            reply_class=ReplyClass.ENGAGED,
            confidence=even,
            probabilities=dict.fromkeys(LABELS, even),
            visible_text=text,
            language=language,
            artifact=self.version,
            evidence=(Evidence("classifier", "no words to judge"),),
        )

    def _probabilities(self, ids: Ids, weights: Weights, words: list[str]) -> Weights:
        known = self._artifact
        decision = known.intercepts + weights @ known.coefficients[ids]
        piece_ids, piece_weights = _weigh([piece for word in words for piece in self._pieces_of(word)], known.char_idf)
        decision += piece_weights @ known.coefficients[piece_ids + len(self._words)]
        scaled = known.sharpness * (decision - decision.max())
        powers: Weights = np.exp(scaled)
        shares: Weights = powers / powers.sum()
        return shares

    def _weigh_words(self, words: list[str]) -> tuple[Ids, Weights]:
        terms = words + [f"{left} {right}" for left, right in pairwise(words)]
        found = self._words
        return _weigh([found[term] for term in terms if term in found], self._artifact.word_idf)

    def _look_up_pieces(self, word: str) -> tuple[int, ...]:
        found = self._pieces
        return tuple(found[piece] for piece in pieces(word) if piece in found)

    def _evidence(self, best: int, ids: Ids, weights: Weights, most: int = 3) -> tuple[Evidence, ...]:
        """Name the words that spoke for the class most clearly against the mean of all classes."""
        table = self._artifact.coefficients[ids]
        shares = weights * (table[:, best] - table.mean(axis=1))
        top = [index for index in np.argsort(-shares, kind="stable")[:most] if shares[index] > 0]
        named = (self._artifact.word_terms[ids[index]] for index in top)
        said = ", ".join(" ".join(NAMES.get(word, word) for word in term.split()) for term in named)
        return (Evidence("classifier", f"words: {said}" if said else "no single word; the pieces of the words"),)


def _weigh(found: list[int], idf: NDArray[np.float32]) -> tuple[Ids, Weights]:
    """Return each term once with its weight: (1 + ln count) x idf, the whole of length one."""
    counts = Counter(found)
    ids = np.fromiter(counts, dtype=np.intp, count=len(counts))
    weights = (1.0 + np.log(np.fromiter(counts.values(), dtype=np.float64, count=len(counts)))) * idf[ids]
    length = float(np.sqrt(weights @ weights))
    return ids, weights / length if length else weights
