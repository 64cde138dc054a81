"""The reply classifier in service, taken up anew whenever a person promotes another or goes back."""

from __future__ import annotations

import threading

from sqlalchemy import Engine

from classifier.artifact import ArtifactError
from classifier.context import ReplyJudge
from classifier.meaning import encoder_here
from classifier.replies import TrainedJudge
from config import logs
from config.settings import Settings
from models.session import reading
from worker.learning.artifacts import open_classifier
from worker.learning.promotion import Serving, in_service, newest_decision, open_serving
from worker.learning.registered import Stored, open_artifact

log = logs.logger(__name__)


class Classifier:
    """Gives the classifier to judge with; what the settings name stands above what was promoted.

    Where the promoted one cannot be used, what served before it goes on, in every process alike: mail is read on, and
    nothing is judged by a file that nobody trained. It is said once in the log, and tried again each time.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._folder = settings.artifact_folder
        self._fixed = open_classifier(settings) if settings.artifact else None
        self._lock = threading.Lock()
        self._decision = -1
        self._lost: Stored | None = None
        self._judge: ReplyJudge | None = None

    def current(self) -> ReplyJudge:
        """Return what serves now; asked before each poll, so that a poll is judged by one artifact from end to end."""
        if self._fixed is not None:
            return self._fixed
        with reading(self._engine) as session:
            newest = newest_decision(session)
        with self._lock:
            if self._judge is None or newest > self._decision or self._is_back():
                with reading(self._engine) as session:
                    self._judge = self._take_up(in_service(session))
            return self._judge

    def _is_back(self) -> bool:
        """Say whether the artifact that should serve was lost and can be used again."""
        if self._lost is None:
            return False
        try:
            open_artifact(self._lost, self._folder)
        except ArtifactError:
            return False
        return True

    def _take_up(self, serving: Serving) -> ReplyJudge:
        artifact, problem = open_serving(serving, self._folder)
        if problem:
            log.error(
                "artifact_cannot_serve",
                says="{problem}; until then {artifact} serves",
                problem=problem,
                artifact=artifact.version,
            )
        elif self._judge is not None:
            log.info(
                "artifact_in_service", says="artifact {artifact} is in service from here on", artifact=artifact.version
            )
        self._decision, self._lost = serving.decision, serving.artifact if problem else None
        return TrainedJudge(artifact, encoder_here())
