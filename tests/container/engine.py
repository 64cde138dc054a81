"""Podman with a store of its own: it shares nothing with another one here, and needs neither systemd nor a registry."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PYTHON = "docker.io/library/python:3.13-slim-bookworm"
POSTGRES = "docker.io/library/postgres:17-bookworm"
DEBIAN = "localhost/debian:stand-in"
IMAGE = "docker.io/library/inbox-worker"
"""As compose.yaml calls it."""
LOCKED = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")
MOST_PROCESSES = 4_096
FILE = "file://"

# Where this process may not raise its limits, containers may not have higher ones.
CONTAINERS = """
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{folder}/tmp"
[network]
network_config_dir = "{folder}/networks"
"""
STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/store"
runroot = "{folder}/run"
"""
REGISTRIES = 'unqualified-search-registries = ["docker.io"]\n'


@dataclass(frozen=True)
class Podman:
    """The engine; `podman(words)` runs one command of it."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
        limits = {"files": files, "processes": MOST_PROCESSES, "folder": self.folder}
        (self.folder / "containers.conf").write_text(CONTAINERS.format(**limits))
        (self.folder / "storage.conf").write_text(STORAGE.format(folder=self.folder))
        (self.folder / "registries.conf").write_text(REGISTRIES)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("INBOX_")}
        return kept | {
            "CONTAINERS_CONF": f"{self.folder}/containers.conf",
            "CONTAINERS_STORAGE_CONF": f"{self.folder}/storage.conf",
            "CONTAINERS_REGISTRIES_CONF": f"{self.folder}/registries.conf",
            # Health is asked for by these checks, and by no timer of systemd.
            "DISABLE_HC_SYSTEMD": "true",
        }

    def __call__(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["podman", *words], env=self.environment, capture_output=True, text=True, check=False, timeout=1_800
        )
        assert not check or done.returncode == 0, f"podman {' '.join(words)}: {done.stdout[-5000:]}\n{done.stderr}"
        return done

    def inspect(self, what: str) -> dict[str, Any]:
        (found,) = json.loads(self("inspect", what).stdout)
        return dict(found)

    def has(self, image: str) -> bool:
        return self("image", "exists", image, check=False).returncode == 0

    def build(self, folder: Path, name: str, *more: str) -> None:
        # Without an isolation of its own: that needs rights which a container of its own lacks, and this may be one.
        self("build", "--isolation=chroot", "--pull=never", "--format=docker", "--tag", name, *more, str(folder))

    def clear(self) -> None:
        """End and remove what runs, with its networks and volumes; images stay."""
        self("rm", "--force", "--all", "--time=0")
        self("network", "prune", "--force")
        self("volume", "rm", "--force", "--all")


def make_stand_ins(podman: Podman) -> None:
    """Make what the Dockerfile and compose.yaml start from, under the names they use, out of Debian's packages."""
    if not podman.has(DEBIAN):
        base = podman.folder / "debian"
        base.mkdir(exist_ok=True)
        sources = [str(each) for each in Path("/etc/apt").glob("sources.list.d/debian.sources")]
        subprocess.run(
            ["mmdebstrap", "--variant=minbase", "--quiet", "bookworm", f"{base}/debian.tar", *sources], check=True
        )
        (base / "Dockerfile").write_text("FROM scratch\nADD debian.tar /\n")
        podman.build(base, DEBIAN)
        (base / "debian.tar").unlink()
    for name, folder in ((PYTHON, "python"), (POSTGRES, "postgres")):
        if not podman.has(name):
            podman.build(HERE / folder, name)


def build_image(podman: Podman) -> None:
    """Build the image from the Dockerfile, with packages from where pip of this machine has them."""
    podman.build(ROOT, IMAGE, *registry_mounts(podman.folder))


def registry_mounts(folder: Path) -> list[str]:
    """Return the options by which pip in a build asks whom pip here asks, so that no file has to name it."""
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings: dict[str, str] = dict(re.findall(r"^(?:global|:env:)\.([a-z-]+)='(.*)'$", said, re.MULTILINE))
    lines = [f"{name} = {_folded(value)}" for name, value in settings.items()]
    config = folder / "pip.conf"
    config.write_text("\n".join(["[global]", *lines, ""]))
    return ["--volume", f"{config}:/etc/pip.conf:ro", *_mounted(settings.values())]


def _folded(value: str) -> str:
    """Several values of one setting stand below each other."""
    return "\n    ".join(value.replace("\\n", " ").split())


def _mounted(values: Iterable[str]) -> list[str]:
    """Mount what the settings name; of an index in a folder also what lies beside it, for its pages lead there."""
    words = [word for value in values for word in value.split()]
    paths = {Path(word) for word in words} | {Path(word[len(FILE) :]).parent for word in words if word.startswith(FILE)}
    found = sorted(path for path in paths if path.is_absolute() and path.exists())
    return [option for path in found for option in ("--volume", f"{path}:{path}:ro")]
