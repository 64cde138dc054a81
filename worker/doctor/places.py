"""Findings about the disks and folders that the program writes to."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy.orm import Session

from classifier.artifact import ArtifactError
from worker.learning.promotion import in_service
from worker.learning.registered import file_of
from worker.watch.health import Finding, notable, well, wrong

LEAST_FREE = 500_000_000
"""Octets: a backfill writes as much in an hour, and SQLite needs room beside its file."""
ROOT_OF_MOUNTS = Path("/proc/self/mounts")
NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs"}
)


def disks(places: Mapping[str, Path], least: int = LEAST_FREE) -> Iterator[Finding]:
    """Find how much room is left where each of the places lies, told once for each disk.

    Args:
        places: what lies there -> where; what is not there yet lies in the nearest folder that is.
        least: octets that should be free.
    """
    on: dict[int, dict[str, Path]] = defaultdict(dict)
    for what, path in places.items():
        there = _nearest(path)
        on[there.stat().st_dev][what] = there
    for held in on.values():
        where = next(iter(held.values()))
        usage = shutil.disk_usage(where)
        if not usage.total:
            continue  # It has no size, as some file systems of memory have none.
        says = f"{where} ({', '.join(held)}): {usage.free / 1e9:,.1f} of {usage.total / 1e9:,.1f} GB are free"
        if usage.free >= least:
            yield well("disk", says)
        else:
            yield wrong("disk", says, "make room: what cannot be written is read again and again, and acts on nobody")


def artifact_folder(folder: Path) -> Finding:
    """Find whether trained classifiers can be read from their folder, and written to it."""
    step = "let this user read and write it, or name another folder (INBOX_ARTIFACT_FOLDER)"
    try:
        if not folder.exists():
            return well("artifact folder", f"{folder.absolute()} is not there yet; training makes it")
        list(folder.iterdir())
    except OSError as error:
        return wrong("artifact folder", f"{folder.absolute()} cannot be read: {error.strerror}", step)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        says = f"{folder.absolute()} cannot be written ({error.strerror}), so nothing can be trained here"
        return notable("artifact folder", says, step)
    return well("artifact folder", f"{folder.absolute()} can be read and written")


def way_back(session: Session, folder: Path) -> Iterator[Finding]:
    """Find whether what a rollback would bring back is still there; what serves is loaded by the diagnosis itself."""
    for stored in in_service(session).standing[1:2]:
        try:
            there = file_of(stored, folder).is_file()
        except ArtifactError as error:
            yield notable("way back", str(error))
            continue
        if not there:
            says = f"artifact {stored.version}, to which `artifacts rollback` leads, is not in {folder.absolute()}"
            yield notable("way back", says, "put its file back from a backup, before it is needed")


def network_file_system(path: Path, mounts: str) -> str | None:
    """Return the network file system on which a file lies; None where it lies on a disk of this machine.

    Args:
        path: absolute.
        mounts: what /proc/self/mounts says.
    """
    # Each line: what is mounted, where, of which kind, how.
    lines = (line.split(maxsplit=3) for line in mounts.splitlines())
    kinds = {where.replace("\\040", " "): kind for _, where, kind, _ in lines}
    kind = next((kinds[str(each)] for each in (path, *path.parents) if str(each) in kinds), "")
    return kind if kind in NETWORK else None


def mount_table() -> str:
    """Return what the system says of its file systems; empty where it says nothing of the kind."""
    return ROOT_OF_MOUNTS.read_text("utf-8", "replace") if ROOT_OF_MOUNTS.exists() else ""


def _nearest(path: Path) -> Path:
    path = path.absolute()
    return next(each for each in (path, *path.parents) if _is_folder(each))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # This user may not even look.
