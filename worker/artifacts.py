"""The reply classifier to judge with, where no database says which: the one that the settings name, or the shipped."""

from __future__ import annotations

from classifier.artifact import load, load_default
from classifier.context import ReplyJudge
from classifier.meaning import meanings
from classifier.replies import TrainedJudge
from config.settings import Settings


def open_classifier(settings: Settings) -> ReplyJudge:
    """Load the artifact the settings name, or the shipped one."""
    return TrainedJudge(load(settings.artifact) if settings.artifact else load_default(), meanings)
