"""The reply classifier in service, taken up anew whenever a person promotes another or goes back."""

from __future__ import annotations

import logging
import threading

from sqlalchemy import Engine

from classifier.artifact import ArtifactError, load_default
from classifier.context import ReplyJudge
from classifier.meaning import meanings
from classifier.replies import TrainedJudge
from config.settings import Settings
from models.session import reading
from worker.artifacts import open_classifier
from worker.promotion import Serving, in_service, open_artifact

log = logging.getLogger(__name__)


class Classifier:
    """Gives the classifier to judge with; what the settings name stands above what was promoted.

    One that cannot be loaded is told once in the log, and the one before it (at first the shipped one) goes on: mail
    is read on, and nothing is judged by a file that nobody trained.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._fixed = open_classifier(settings) if settings.artifact else None
        self._lock = threading.Lock()
        self._decision = -1
        self._judge: ReplyJudge | None = None

    def current(self) -> ReplyJudge:
        """Return what serves now; asked before each poll, so that a poll is judged by one artifact from end to end."""
        if self._fixed is not None:
            return self._fixed
        with reading(self._engine) as session:
            serving = in_service(session)
        with self._lock:
            # A thread that asked earlier and waited here longer knows only an older decision.
            if serving.decision > self._decision:
                self._judge = self._load(serving)
                self._decision = serving.decision
            assert self._judge is not None  # noqa: S101 - loading gave one, or raised
            return self._judge

    def _load(self, serving: Serving) -> ReplyJudge:
        try:
            artifact = open_artifact(serving.artifact)
        except ArtifactError as error:
            log.error("artifact %s cannot serve: %s", serving.artifact.version, error)  # noqa: TRY400 - the message says it all
            return self._judge or TrainedJudge(load_default(), meanings)
        if self._judge is not None:
            log.info("artifact %s is in service from here on", artifact.version)
        return TrainedJudge(artifact, meanings)
