"""Judges mail in this process: the classifier is loaded when it is first asked for, once, and followed from then on."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from config.settings import Settings
from console.office import Office

if TYPE_CHECKING:
    from worker.acts.retry import Tried
    from worker.daemon.serving import Classifier
    from worker.desk import Desk

_ONE_ASKS = threading.Lock()


def try_again(office: Office, team_id: int, message_id: int) -> Tried:
    """Judge and write anew one message of a team that was set aside.

    Raises:
        InputError: it is not set aside, not the team's, or nothing of it was kept.
    """
    from worker.acts.retry import retry_one  # noqa: PLC0415 - these load the classifier, which no other page needs
    from worker.errands.service import open_mailbox  # noqa: PLC0415

    def desk_of(mailbox_id: int) -> Desk:
        classifier = classifier_of(office.engine, office.settings).current()
        return open_mailbox(office.engine, mailbox_id, office.settings, classifier)[1]

    return retry_one(office.engine, team_id, message_id, desk_of, office.clock())


def classifier_of(engine: Engine, settings: Settings) -> Classifier:
    """Return what judges with the classifier in service; who asks second waits for who asked first."""
    # The cache lets two first askers in, and each would load the classifier, which takes some hundred megabytes.
    with _ONE_ASKS:
        return _classifier(engine, settings)


@lru_cache(maxsize=1)
def _classifier(engine: Engine, settings: Settings) -> Classifier:
    from worker.daemon.serving import Classifier  # noqa: PLC0415

    return Classifier(engine, settings)
