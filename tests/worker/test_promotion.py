"""Which artifact serves: what people decided last, taken up by whoever asks, and never a file that nobody trained."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from models.session import reading, transaction
from models.tables.learning import Artifact as ArtifactRow
from tests.worker.small_world import fresh
from worker.act import Act
from worker.daemon.serving import Classifier
from worker.errors import InputError, NotFoundError
from worker.learning.chosen_artifact import artifact_of
from worker.learning.promoting import put_on_trial
from worker.learning.promotion import history, in_service, list_artifacts, promote, rollback, trained_at
from worker.learning.registered import SHIPPED, check_new, find, open_artifact, register

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
ACT = Act("petra", NOW, "spring")
DEFAULT = load_default()
SMALL = replace(DEFAULT, second=None)


def trained(session: Session, folder: Path, version: str, artifact: Artifact = SMALL) -> Path:
    path = folder / f"{version}.artifact"
    save(replace(artifact, version=version), path)
    register(session, replace(artifact, version=version), path, NOW)
    return path


def serve(session: Session, version: str, reasons: Sequence[str] = (), *, forced: bool = False) -> None:
    promote(session, find(session, version), reasons, ACT, instead_of=in_service(session), forced=forced)


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
        serve(session, "v1", ["passes"])
        serve(session, "v2", ["passes"], forced=True)
        assert in_service(session).artifact.version == "v2"
        assert trained_at(session) == NOW
        assert rollback(session, ACT).artifact.version == "v1"
        assert rollback(session, ACT).artifact.version == SHIPPED
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
        serve(session, "v1")
        serve(session, SHIPPED)
        assert in_service(session).artifact.version == SHIPPED
        assert rollback(session, ACT).artifact.version == "v1"


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
                serve(session, version)
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
            open_artifact(find(session, "v1"), tmp_path)


def test_the_list_shows_the_newest_first_and_what_serves(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        trained(session, tmp_path, "v1")
        trained(session, tmp_path, "v2")
        serve(session, "v1")
        rows = list_artifacts(session)
        trained(session, tmp_path, "v3")
        few = [row["version"] for row in list_artifacts(session, 1)]
    assert few == ["v3", "v1", SHIPPED]
    assert [(row["version"], row["serves"], row["by"]) for row in rows] == [
        ("v2", False, None),
        ("v1", True, "petra"),
        (SHIPPED, False, None),
    ]
    assert rows[0]["macro_f1"] == DEFAULT.metrics["macro_f1"]


def serving(engine: Engine, artifact: Path | None = None) -> Classifier:
    return Classifier(engine, Settings(artifact=artifact, artifact_folder=Path("nowhere")))


def test_a_folder_may_lie_elsewhere_for_who_serves(engine: Engine, tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.mkdir()
    with transaction(engine) as session:
        trained(session, before, "v1")
        moved = before.rename(tmp_path / "moved")
        assert open_artifact(find(session, "v1"), moved).version == "v1"
        with pytest.raises(ArtifactError, match="no such artifact"):
            open_artifact(find(session, "v1"), before)


def test_what_was_measured_against_something_else_is_not_promoted(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        trained(session, tmp_path, "v1")
        trained(session, tmp_path, "v2")
        measured = in_service(session)
        serve(session, "v1")
        with pytest.raises(InputError, match="in the meantime"):
            promote(session, find(session, "v2"), [], ACT, instead_of=measured)


def test_two_who_go_back_at_once_go_back_twice(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        for version in ("v1", "v2", "v3"):
            trained(session, tmp_path, version)
            serve(session, version)

    def go_back(_: int) -> None:
        with transaction(engine) as session:
            rollback(session, ACT)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(go_back, range(2)))
    with reading(engine) as session:
        assert in_service(session).artifact.version == "v1"
        assert [each["act"] for each in history(session)][:2] == ["rollback", "rollback"]


def test_a_promotion_is_taken_up_by_whoever_asks_next_and_so_is_a_rollback(engine: Engine, tmp_path: Path) -> None:
    classifier = serving(engine)
    first = classifier.current()
    assert classifier.current() is first
    with transaction(engine) as session:
        trained(session, tmp_path, "v1")
        serve(session, "v1")
    assert classifier.current().version == "v1"
    with transaction(engine) as session:
        rollback(session, ACT)
    assert classifier.current().version == first.version


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: list[Callable[[Path], object]] = [Path.unlink, lambda path: path.write_bytes(b"nothing"), become_a_folder]


@pytest.mark.parametrize("damage", DAMAGES)
def test_where_the_promoted_file_cannot_be_used_the_one_before_goes_on_everywhere_and_it_is_said_once(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], object]
) -> None:
    with transaction(engine) as session:
        trained(session, tmp_path, "v1")
        serve(session, "v1")
    classifier = serving(engine)
    assert classifier.current().version == "v1"
    with transaction(engine) as session:
        path = trained(session, tmp_path, "v2")
        serve(session, "v2")
    damage(path)
    with caplog.at_level(logging.ERROR):
        assert [classifier.current().version for _ in range(3)] == ["v1"] * 3
    assert [each.levelname for each in caplog.records] == ["ERROR"]
    assert "artifact v2 cannot serve" in caplog.text
    assert serving(engine).current().version == "v1"


def test_a_file_that_comes_late_is_taken_up(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        path = trained(session, tmp_path, "v1")
        serve(session, "v1")
    late = path.rename(path.with_name("late"))
    classifier = serving(engine)
    assert classifier.current().version == SHIPPED
    late.rename(path)
    assert classifier.current().version == "v1"


def test_what_was_taken_back_never_serves_though_the_one_before_is_lost(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        path = trained(session, tmp_path, "v1")
        serve(session, "v1")
        trained(session, tmp_path, "v2")
        serve(session, "v2")
    classifier = serving(engine)
    assert classifier.current().version == "v2"
    path.unlink()
    with transaction(engine) as session:
        rollback(session, ACT)
    assert classifier.current().version == SHIPPED
    assert serving(engine).current().version == SHIPPED


def test_the_setting_stands_above_what_was_promoted(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        path = trained(session, tmp_path, "v1")
        trained(session, tmp_path, "v2")
        serve(session, "v2")
    assert serving(engine, path).current().version == "v1"


def test_a_version_that_another_took_meanwhile_is_refused_and_changes_nothing(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(engine) as session:
        path = trained(session, tmp_path, "spring")
        before = find(session, "spring")
        monkeypatch.setattr("worker.learning.registered.check_new", lambda *_: None)
        with pytest.raises(InputError, match="there is an artifact spring already"):
            register(session, replace(DEFAULT, version="spring"), path, NOW)
        assert find(session, "spring") == before


def test_an_artifact_that_cannot_be_used_stands_no_trial(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        trained(session, tmp_path, "spring").write_bytes(b"damaged")
    with pytest.raises(InputError, match="is not the artifact spring that was trained"):
        put_on_trial(engine, "spring", tmp_path, 0.9)


def test_whoever_names_a_file_asks_that_artifact_whether_a_database_knows_it_or_not(
    engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "elsewhere.artifact"
    save(replace(SMALL, version="elsewhere"), path)
    settings = Settings(artifact_folder=tmp_path)
    for database in (engine, None):
        assert artifact_of(database, settings, str(path)).version == "elsewhere"
    with pytest.raises(NotFoundError, match="no artifact 'elsewhere'"):
        artifact_of(engine, settings, "elsewhere")
