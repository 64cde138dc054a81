"""What an artifact says of itself is known without loading it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from classifier.artifact import DEFAULT, ArtifactError, load_default
from classifier.card import model_card
from classifier.passport import read_passport


def test_a_passport_says_what_the_loaded_artifact_says() -> None:
    said, loaded = read_passport(DEFAULT), load_default()
    for name in ("version", "thresholds", "data", "metrics", "libraries", "card"):
        assert getattr(said, name) == getattr(loaded, name)


def test_the_card_of_an_artifact_that_was_stored_says_what_it_said_before() -> None:
    """Stored figures come back in another order; the shipped card was written before they were stored."""
    shipped = load_default()
    assert model_card(shipped) == shipped.card


def test_what_is_no_artifact_has_no_passport(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no such artifact"):
        read_passport(tmp_path / "lost.artifact")
    (tmp_path / "text.artifact").write_text("not a zip")
    with zipfile.ZipFile(tmp_path / "foreign.artifact", "w") as archive:
        archive.writestr("passport.json", "{}")
    for name in ("text", "foreign"):
        with pytest.raises(ArtifactError, match="not a usable artifact"):
            read_passport(tmp_path / f"{name}.artifact")
