"""Judging replies with an artifact; needs numpy alone, so a running worker never loads the training libraries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from classifier.artifact import LABELS, Artifact, Stage
from classifier.features import NAMES, document, has_words
from classifier.meaning import Encode
from classifier.thresholds import name
from classifier.vectors import Vector
from classifier.verdict import Evidence, Reply, ReplyClass

_UNSUBSCRIBED = LABELS.index(ReplyClass.UNSUBSCRIBED)
_AT_ONCE = 500
"""Replies about which everything is held in memory at once."""
_NEAR = 0.75
"""The part of the probability from which a reply is held that makes it worth a look."""

_ALONE = 2 / 3
"""The part of that probability from which the first stage holds a reply where it cannot ask the second."""

Shares = NDArray[np.float64]


class TrainedJudge:
    """Says which class a reply belongs to, as the artifact learnt it.

    Args:
        artifact: what was learnt.
        meanings: the encoder for the second stage; without it the first stage decides alone, and is sure of nothing
            that it would have asked about.
    """

    def __init__(self, artifact: Artifact, meanings: Encode | None = None) -> None:
        self._artifact = artifact
        self._meanings = meanings
        alone = artifact.second is not None and meanings is None
        self._least = artifact.ask_below if alone else 0.0
        """How likely the likeliest class has to be, where nobody can be asked about what is less."""
        self._hold = artifact.thresholds.hold * (_ALONE if alone else 1.0)

    @property
    def version(self) -> str:
        """The version of the artifact, as every verdict names it."""
        return self._artifact.version

    def judge(self, subject: str, text: str, language: str | None) -> Reply:
        """Judge one reply by its subject and the sender's own words."""
        return self.judge_many([(subject, text, language)])[0]

    def judge_many(self, replies: Sequence[tuple[str, str, str | None]]) -> list[Reply]:
        """Judge many replies, each given as subject, text and language."""
        documents = [document(subject, text) for subject, text, _ in replies]
        spoken = [at for at, normal in enumerate(documents) if has_words(normal)]
        opinions = self._opinions([documents[at] for at in spoken])
        named = name(np.array([opinion.shares for opinion in opinions]).reshape(-1, len(LABELS))).tolist()
        judged = dict(zip(spoken, zip(opinions, named, strict=True), strict=True))
        return [
            self._reply(documents[at], *judged[at], text, language) if at in judged else self._empty(text, language)
            for at, (_, text, language) in enumerate(replies)
        ]

    def shares(self, documents: Sequence[str]) -> Shares:
        """Return the probability (n, classes) of each class for normalised documents; without words all are alike."""
        found = np.full((len(documents), len(LABELS)), 1 / len(LABELS))
        spoken = [at for at, normal in enumerate(documents) if has_words(normal)]
        for start in range(0, len(spoken), _AT_ONCE):
            places = spoken[start : start + _AT_ONCE]
            for at, opinion in zip(places, self._opinions([documents[at] for at in places]), strict=True):
                found[at] = opinion.shares
        return found

    def _opinions(self, documents: Sequence[str]) -> list[_Opinion]:
        """Return what is thought of each document: by the first stage, and by the second where that is not sure."""
        known = self._artifact
        opinions = [_Opinion(known.first, vector) for vector in known.vectoriser.weigh_all(documents)]
        if known.second is None or self._meanings is None:
            return opinions
        doubtful = [at for at, opinion in enumerate(opinions) if opinion.shares.max() < known.ask_below]
        if doubtful:
            meant = self._meanings([documents[at] for at in doubtful])
            for at, meaning in zip(doubtful, meant, strict=True):
                opinions[at] = _Opinion(known.second, opinions[at].vector, meaning)
        return opinions

    def _reply(self, normal: str, opinion: _Opinion, named: int, text: str, language: str | None) -> Reply:
        best = int(opinion.shares.argmax())
        label, confidence = LABELS[named], float(opinion.shares[named])
        sure = named == best and confidence >= max(self._artifact.thresholds.sure[label], self._least)
        unsubscribed = float(opinion.shares[_UNSUBSCRIBED])
        hold = self._must_hold(unsubscribed, best, sure=sure)
        return Reply(
            reply_class=ReplyClass(label),
            confidence=confidence,
            probabilities=dict(zip(LABELS, opinion.shares.tolist(), strict=True)),
            sure=sure,
            hold=hold,
            near_opt_out=not hold and best != _UNSUBSCRIBED and unsubscribed >= _NEAR * self._hold,
            visible_text=text,
            language=language,
            artifact=self.version,
            evidence=(Evidence("classifier", self._reasons(normal, opinion, named, best)),),
        )

    def _must_hold(self, unsubscribed: float, best: int, *, sure: bool) -> bool:
        likely = best == _UNSUBSCRIBED or unsubscribed >= self._hold
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

    def _reasons(self, normal: str, opinion: _Opinion, named: int, best: int, most: int = 3) -> str:
        """Name the words that spoke for the class most clearly against the mean of all classes."""
        if named != best:
            return f"nothing likely enough; most of all {LABELS[best]} ({opinion.shares[best]:.0%})"
        shares = opinion.spoke_for(best).tolist()
        least = min(sorted(shares)[-most:], default=0.0)
        likely = [at for at, share in enumerate(shares) if share >= least and share > 0]
        terms = self._artifact.vectoriser.names(normal, opinion.vector.ids[likely].tolist())
        # Of terms that tell as much, a single word says it shorter than a pair of which it is one.
        told = sorted(zip(likely, terms, strict=True), key=lambda each: (-shares[each[0]], " " in each[1]))[:most]
        said = ", ".join(" ".join(NAMES.get(word, word) for word in term.split()) for _, term in told)
        words = f"words: {said}" if said else "no single word; the pieces of the words"
        return f"{words}; and the meaning of the whole" if opinion.by_meaning(best) else words


class _Opinion:
    """What one stage thinks of one document: the probability of every class."""

    def __init__(self, stage: Stage, vector: Vector, meaning: NDArray[np.float32] | None = None) -> None:
        self.vector = vector
        self._rows = stage.coefficients[vector.ids]
        self._meant = None if meaning is None else meaning @ stage.coefficients[-len(meaning) :]
        decision = stage.intercepts + vector.weights @ self._rows
        if self._meant is not None:
            decision += self._meant
        powers = np.exp(stage.sharpness * (decision - decision.max()))
        self.shares: Shares = powers / powers.sum()

    def spoke_for(self, best: int) -> Shares:
        """Return how much each word spoke for the class, against the mean of all classes."""
        rows = self._rows[: self.vector.words]
        shares: Shares = self.vector.weights[: self.vector.words] * (rows[:, best] - rows.sum(axis=1) / rows.shape[1])
        return shares

    def by_meaning(self, best: int) -> bool:
        """Say whether the meaning of the whole spoke for the class."""
        return self._meant is not None and bool(self._meant[best] > self._meant.mean())
