"""A trained reply classifier on disk: a zip of JSON and plain arrays, nothing that could run code.

`passport.json` tells what the artifact is, for which normal form and classes it was made, from which data, how well it
did, and a SHA-256 over everything. The same training gives the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.features import NORMALISER, key
from classifier.meaning import ENCODER, SIZE, encoder_here, encoder_version
from classifier.vectors import Hashed, Listed, Vectoriser
from classifier.verdict import ReplyClass

FORMAT = 3
LABELS = tuple(str(label) for label in ReplyClass)
DEFAULT = Path(__file__).parent / "default.artifact"

_LARGEST = 1 << 30
"""Bytes of an unpacked artifact that we are willing to hold in memory."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_ARRAYS = ("word_idf", "piece_idf")
_STAGE = ("coefficients", "intercepts")
_HELD_OUT = ("shown_documents", "held_out_shares")
_TERMS = ("word_terms", "piece_terms")
CARD = "card.md"
_UNREADABLE = (
    *(ValueError, KeyError, TypeError, AttributeError, OSError, EOFError),
    # RuntimeError: the zip says it is encrypted, or packed in a way we do not know.
    *(RuntimeError, zipfile.BadZipFile, zlib.error),
)

Numbers = NDArray[np.float32]
Keys = NDArray[np.uint64]


class ArtifactError(Exception):
    """An artifact cannot be used; the message names the file and the next step."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which probability on a class is `sure`, and from which one of Unsubscribed on a person must look."""

    sure: dict[str, float]
    hold: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """One linear learner over n numbers and k classes: `coefficients` is (n, k), `intercepts` (k,).

    Probabilities are softmax(`sharpness` x decision); sharpness is the inverse of the temperature.
    """

    coefficients: Numbers
    intercepts: Numbers
    sharpness: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOut:
    """What the learner was shown, and what learners said of it that had not seen it; so that nobody is asked twice.

    `shown` holds `short_key` of n documents; `shares` (m, k), what was said of the first m of these.
    """

    shown: Keys = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    shares: Numbers = field(default_factory=lambda: np.empty((0, len(LABELS)), dtype=np.float32))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Artifact:
    """Everything needed to judge replies.

    The first stage sees the weights of the terms. The second sees these and the meaning of the text, and is asked
    where the first finds no class as likely as `ask_below`.
    """

    version: str
    vectoriser: Vectoriser
    first: Stage
    second: Stage | None = None
    ask_below: float = 0.0
    thresholds: Thresholds
    held_out: HeldOut = field(default_factory=HeldOut)
    data: dict[str, Any] = field(default_factory=dict)
    """SHA-256 of the rows and how many there were for each class and language."""
    metrics: dict[str, Any] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    card: str = ""
    """What a person wants to know of it, in Markdown."""


def load_default() -> Artifact:
    """Return the artifact that is shipped with the product."""
    return load(DEFAULT)


def save(artifact: Artifact, path: Path) -> None:
    """Write the artifact; whoever reads `path` meanwhile sees the whole old one or the whole new one."""
    packed = pack(artifact)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(packed)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def load(path: Path) -> Artifact:
    """Read an artifact.

    Raises:
        ArtifactError: the file is missing, foreign, cut short, changed, or made for another version of the product.
    """
    with usable(path):
        members = _members(path)
        passport = json.loads(members.pop("passport.json"))
        _check(passport, members)
        return _artifact(passport, members)


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Raise ArtifactError, and say why, where a file that is read meanwhile is no artifact."""
    try:
        yield
    except FileNotFoundError as error:
        raise ArtifactError(f"{path}: there is no such artifact; `inbox-worker train` makes one.") from error
    except _UNREADABLE as error:
        raise ArtifactError(
            f"{path}: not a usable artifact ({error}); train again, or go back to an earlier one."
        ) from error


def pack(artifact: Artifact) -> bytes:
    """Return the bytes of the artifact; equal artifacts give equal bytes."""
    known = artifact.vectoriser
    members = {"word_idf.npy": _array_bytes(known.word_idf), "piece_idf.npy": _array_bytes(known.piece_idf)}
    if isinstance(known.words, Listed) and isinstance(known.pieces, Listed):
        members |= {
            "word_terms.json": _json_bytes(known.words.terms),
            "piece_terms.json": _json_bytes(known.pieces.terms),
        }
    for order, stage in _stages(artifact).items():
        members |= {f"{order}_{name}.npy": _array_bytes(getattr(stage, name)) for name in _STAGE}
    held = (_array_bytes(artifact.held_out.shown, "<u8"), _array_bytes(artifact.held_out.shares))
    members |= {f"{name}.npy": content for name, content in zip(_HELD_OUT, held, strict=True)}
    members[CARD] = artifact.card.encode()
    passport = _passport(artifact)
    passport["sha256"] = _digest(passport, members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compresslevel=9) as archive:
        for name, content in {"passport.json": _json_bytes(passport), **members}.items():
            # Coefficients hardly shrink, and would take longer to inflate than to read.
            how = zipfile.ZIP_STORED if name.endswith("coefficients.npy") else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, how)
    return buffer.getvalue()


def _passport(artifact: Artifact) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": artifact.version,
        "labels": list(LABELS),
        "normaliser": NORMALISER,
        "libraries": artifact.libraries,
        "data": artifact.data,
        "metrics": artifact.metrics,
        "hashed_bits": _hashed_bits(artifact.vectoriser),
        "sharpness": {order: stage.sharpness for order, stage in _stages(artifact).items()},
        "ask_below": artifact.ask_below,
        "thresholds": {"sure": artifact.thresholds.sure, "hold": artifact.thresholds.hold},
    }


def _stages(artifact: Artifact) -> dict[str, Stage]:
    return {"first": artifact.first} | ({"second": artifact.second} if artifact.second else {})


def _hashed_bits(vectoriser: Vectoriser) -> int | None:
    return vectoriser.words.bits if isinstance(vectoriser.words, Hashed) else None


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        if sum(info.file_size for info in archive.infolist()) > _LARGEST:
            raise ValueError("larger than 1 GiB")
        return {info.filename: archive.read(info) for info in archive.infolist()}


def _check(passport: dict[str, Any], members: dict[str, bytes]) -> None:
    ours = {"format": FORMAT, "labels": list(LABELS), "normaliser": NORMALISER}
    for name, value in ours.items():
        if passport[name] != value:
            raise ValueError(f"its {name} is {passport[name]!r}, this version of the product needs {value!r}")
    if passport.pop("sha256") != _digest(passport, members):
        raise ValueError("its contents do not match its SHA-256")
    # Where there is no encoder its first stage decides alone.
    asks = "second" in passport["sharpness"] and encoder_here() is not None
    if asks and passport["libraries"][ENCODER] != encoder_version():
        raise ValueError(f"its {ENCODER} is {passport['libraries'][ENCODER]!r}, here it is {encoder_version()!r}")


def _artifact(passport: dict[str, Any], members: dict[str, bytes]) -> Artifact:
    vectoriser = _vectoriser(passport["hashed_bits"], members)
    width = {"first": vectoriser.width, "second": vectoriser.width + SIZE}
    stages = {
        order: Stage(
            coefficients=_array(members, f"{order}_coefficients", (width[order], len(LABELS))),
            intercepts=_array(members, f"{order}_intercepts", (len(LABELS),)),
            sharpness=float(sharpness),
        )
        for order, sharpness in passport["sharpness"].items()
    }
    sure, hold = passport["thresholds"]["sure"], passport["thresholds"]["hold"]
    return Artifact(
        version=passport["version"],
        vectoriser=vectoriser,
        first=stages["first"],
        second=stages.get("second"),
        ask_below=float(passport["ask_below"]),
        thresholds=Thresholds({label: float(sure[label]) for label in LABELS}, float(hold)),
        held_out=_held_out(members),
        data=passport["data"],
        metrics=passport["metrics"],
        libraries=passport["libraries"],
        card=members[CARD].decode(),
    )


def _vectoriser(hashed_bits: int | None, members: dict[str, bytes]) -> Vectoriser:
    words, pieces = (
        Listed(json.loads(members[f"{name}.json"])) if hashed_bits is None else Hashed(hashed_bits) for name in _TERMS
    )
    word_idf, piece_idf = (
        _array(members, name, (len(columns),)) for name, columns in zip(_ARRAYS, (words, pieces), strict=True)
    )
    return Vectoriser(words, pieces, word_idf, piece_idf)


def _held_out(members: dict[str, bytes]) -> HeldOut:
    shown, shares = (np.load(io.BytesIO(members[f"{name}.npy"]), allow_pickle=False) for name in _HELD_OUT)
    if shown.dtype != np.uint64 or shares.shape != (len(shares), len(LABELS)) or len(shares) > len(shown):
        raise ValueError("what it was shown and what was said of it do not belong together")
    return HeldOut(shown=shown, shares=shares)


def short_key(document: str) -> int:
    """Return the first 64 bits of the key of a document: enough that two of a million hardly ever meet."""
    return int(key(document)[:16], 16)


def _digest(passport: dict[str, Any], members: dict[str, bytes]) -> str:
    whole = hashlib.sha256(_json_bytes(passport))
    for name in sorted(members):
        whole.update(f"\n{name} {hashlib.sha256(members[name]).hexdigest()}".encode())
    return whole.hexdigest()


def _json_bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _array_bytes(array: Numbers | Keys, kind: str = "<f4") -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array, dtype=kind), allow_pickle=False)
    return buffer.getvalue()


def _array(members: dict[str, bytes], name: str, shape: tuple[int, ...]) -> Numbers:
    array = np.load(io.BytesIO(members[f"{name}.npy"]), allow_pickle=False)
    if array.shape != shape:
        raise ValueError(f"{name} has the shape {array.shape}, not {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are no finite numbers")
    return np.ascontiguousarray(array, dtype=np.float32)
