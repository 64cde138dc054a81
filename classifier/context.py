"""What the cascade knows of one message: the message, and the world around it as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

from classifier.folding import folded
from classifier.language import language_of, languages_of
from classifier.message import ParsedMessage
from classifier.own_words.words import OwnWords, own_words
from classifier.verdict import Reply


class ReplyJudge(Protocol):
    """The trained reply classifier, or anything that judges like it."""

    def judge(self, subject: str, text: str, language: str | None) -> Reply:
        """Judge one reply by its subject and the sender's own words."""
        ...

    def judge_many(self, replies: Sequence[tuple[str, str, str | None]]) -> list[Reply]:
        """Judge many replies, each given as subject, text and language; the same answers."""
        ...


@dataclass(frozen=True, kw_only=True)
class JudgeContext:
    """What the cascade may know besides the message. Addresses are in lower case, `arrived_at` is aware UTC."""

    own_addresses: frozenset[str]
    opt_out_aliases: frozenset[str]
    trusted_authserv_ids: frozenset[str]
    arrived_at: datetime
    classifier: ReplyJudge | None


@dataclass(frozen=True)
class Case:
    """One message before the cascade; what several detectors need is worked out once."""

    parsed: ParsedMessage
    context: JudgeContext

    @cached_property
    def own(self) -> OwnWords:
        """The sender's own new words."""
        return own_words(self.parsed)

    @property
    def text(self) -> str:
        """The sender's own new words as text."""
        return self.own.text

    @cached_property
    def folded(self) -> str:
        """The own words for phrase rules."""
        return folded(self.text)

    @cached_property
    def folded_subject(self) -> str:
        """The subject for phrase rules."""
        return folded(self.parsed.subject)

    @cached_property
    def language(self) -> str | None:
        """The language of the own words, or of the subject where there are none."""
        return language_of(self.text) or language_of(self.parsed.subject)


def find_languages(cases: Sequence[Case]) -> None:
    """Find the language of many cases at once, which takes a quarter of the time; each knows its own then."""
    unknown = [case for case in cases if "language" not in vars(case)]
    for case, language in zip(unknown, languages_of([case.text for case in unknown]), strict=True):
        vars(case)["language"] = language or language_of(case.parsed.subject)
