"""Which artifact serves: what people decided last, taken up by whoever asks, and never a file that nobody trained."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from classifier.artifact import Artifact, ArtifactError, load_default, save
from config.settings import Settings
from models.learning import Artifact as ArtifactRow
from models.session import reading, transaction
from tests.worker.small_world import fresh
from worker.act import Act
from worker.errors import InputError
from worker.promotion import (
    SHIPPED,
    check_new,
    find,
    history,
    in_service,
    list_artifacts,
    open_artifact,
    promote,
    register,
    rollback,
    trained_at,
)
from worker.serving import Classifier

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
ACT = Act("petra", NOW, "spring")
DEFAULT = load_default()
SMALL = replace(DEFAULT, second=None)


def trained(session: Session, folder: Path, version: str, artifact: Artifact = SMALL) -> Path:
    path = folder / f"{version}.artifact"
    save(replace(artifact, version=version), path)
    register(session, replace(artifact, version=version), path, NOW)
    return path


def test_before_anybody_decides_the_shipped_one_serves(engine: Engine) -> None:
    with transaction(engine) as session:
        assert (in_service(session).artifact.version, in_service(session).decision) == (SHIPPED, 0)
        assert trained_at(session) is None
        with pytest.raises(InputError, match="nothing was promoted"):
            rollback(session, ACT)


def test_a_promotion_serves_until_it_is_taken_back(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        trained(session, tmp_path, "v1")
        trained(session, tmp_path, "v2")
        promote(session, find(session, "v1"), ["passes"], ACT)
        promote(session, find(session, "v2"), ["passes"], ACT, forced=True)
        assert in_service(session).artifact.version == "v2"
        assert trained_at(session) == NOW
        assert rollback(session, ACT).version == "v1"
        assert rollback(session, ACT).version == SHIPPED
        told = history(session)
    assert [(each["act"], each["serves"], each["forced"]) for each in told] == [
        ("rollback", SHIPPED, False),
        ("rollback", "v1", False),
        ("promote", "v2", True),
        ("promote", "v1", False),
    ]
    assert told[-1]["gate"] == ["passes"]
    assert {each["by"] for each in told} == {"petra"}


def test_one_may_go_back_to_the_shipped_one_by_its_name_too(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        trained(session, tmp_path, "v1")
        promote(session, find(session, "v1"), [], ACT)
        promote(session, find(session, SHIPPED), [], ACT)
        assert in_service(session).artifact.version == SHIPPED
        assert rollback(session, ACT).version == "v1"


@given(st.lists(st.sampled_from(["v1", "v2", SHIPPED, None]), max_size=12))
def test_whatever_is_promoted_and_taken_back_the_last_one_standing_serves(acts: list[str | None]) -> None:
    with fresh() as engine, transaction(engine) as session:
        for version in ("v1", "v2"):
            row = ArtifactRow(version=version, path=f"/{version}", sha256="", metrics={}, recorded_at=NOW)
            session.add(row)
        session.flush()
        standing = [SHIPPED]
        for version in acts:
            if version:
                promote(session, find(session, version), [], ACT)
                standing.append(version)
            elif len(standing) > 1:
                rollback(session, ACT)
                standing.pop()
            else:
                with pytest.raises(InputError):
                    rollback(session, ACT)
            assert in_service(session).artifact.version == standing[-1]


@pytest.mark.parametrize("version", ["", "a b", "../up", "v" * 81, ".hidden", SHIPPED])
def test_a_version_that_cannot_be_a_file_or_is_the_shipped_one_is_refused(engine: Engine, version: str) -> None:
    with reading(engine) as session, pytest.raises(InputError):
        check_new(session, version)


def test_a_version_is_given_once(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        trained(session, tmp_path, "v1")
        with pytest.raises(InputError, match="artifact v1 already"):
            trained(session, tmp_path, "v1")


def test_a_file_that_is_not_the_one_that_was_trained_is_refused(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        path = trained(session, tmp_path, "v1")
        save(replace(SMALL, version="v1", ask_below=0.1), path)
        with pytest.raises(ArtifactError, match="not the artifact v1 that was trained"):
            open_artifact(find(session, "v1"))


def test_the_list_shows_the_newest_first_and_what_serves(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        trained(session, tmp_path, "v1")
        trained(session, tmp_path, "v2")
        promote(session, find(session, "v1"), [], ACT)
        rows = list_artifacts(session)
    assert [(row["version"], row["serves"], row["by"]) for row in rows] == [
        ("v2", False, None),
        ("v1", True, "petra"),
        (SHIPPED, False, None),
    ]
    assert rows[0]["macro_f1"] == DEFAULT.metrics["macro_f1"]


def serving(engine: Engine, artifact: Path | None = None) -> Classifier:
    return Classifier(engine, Settings(artifact=artifact))


def test_a_promotion_is_taken_up_by_whoever_asks_next_and_so_is_a_rollback(engine: Engine, tmp_path: Path) -> None:
    classifier = serving(engine)
    first = classifier.current()
    assert classifier.current() is first
    with transaction(engine) as session:
        trained(session, tmp_path, "v1")
        promote(session, find(session, "v1"), [], ACT)
    assert classifier.current().version == "v1"
    with transaction(engine) as session:
        rollback(session, ACT)
    assert classifier.current().version == first.version


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"nothing")])
def test_where_the_promoted_file_cannot_be_used_the_one_before_goes_on_and_it_is_said_once(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: object
) -> None:
    classifier = serving(engine)
    with transaction(engine) as session:
        path = trained(session, tmp_path, "v1")
        promote(session, find(session, "v1"), [], ACT)
    damage(path)
    with caplog.at_level(logging.ERROR):
        assert [classifier.current().version for _ in range(3)] == [DEFAULT.version] * 3
    assert [each.levelname for each in caplog.records] == ["ERROR"]
    assert "artifact v1 cannot serve" in caplog.text
    assert serving(engine).current().version == DEFAULT.version


def test_the_setting_stands_above_what_was_promoted(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        path = trained(session, tmp_path, "v1")
        trained(session, tmp_path, "v2")
        promote(session, find(session, "v2"), [], ACT)
    assert serving(engine, path).current().version == "v1"
