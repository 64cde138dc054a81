"""Artifacts on disk, where no database is needed: the one that the settings name, and where trained ones are kept."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from classifier.artifact import Artifact, load, load_default, pack, save
from classifier.context import ReplyJudge
from classifier.meaning import encoder_here
from classifier.replies import TrainedJudge
from config.settings import Settings
from worker.errors import InputError


def open_classifier(settings: Settings) -> ReplyJudge:
    """Load the artifact the settings name, or the shipped one."""
    return TrainedJudge(load(settings.artifact) if settings.artifact else load_default(), encoder_here())


def check_version(version: str) -> None:
    """See that an artifact can have this version, which its file is named by.

    Raises:
        InputError: it cannot.
    """
    if not re.fullmatch(r"\w[\w.+-]{0,79}", version):
        raise InputError(f"{version!r} is no version: letters, digits and . + - _, 80 at most; say another --version")


def place_of(artifact: Artifact, folder: Path) -> Path:
    """Return where an artifact is kept: its name tells its content, so that none is ever written over another."""
    return folder / f"{artifact.version}.{hashlib.sha256(pack(artifact)).hexdigest()[:12]}.artifact"


def write(artifact: Artifact, path: Path) -> None:
    """Write an artifact, and the folder it belongs in.

    Raises:
        InputError: there is no room or no right to do so; nothing is changed.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save(artifact, path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}; nothing is changed. Make room, or name another place"
            " (INBOX_ARTIFACT_FOLDER, --out)"
        ) from error
