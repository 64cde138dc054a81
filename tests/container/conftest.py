"""What the checks of the container share: the engine, the built image, and the figures told at the end."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator

import pytest

from tests.container.engine import DEBIAN, IMAGE, PYTHON, ROOT, Podman, build_image, make_stand_ins

FIGURES: list[str] = []


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    engine = Podman(ROOT / ".cache" / "container")
    engine.clear()
    make_stand_ins(engine)
    yield engine
    engine.clear()


@pytest.fixture(scope="session")
def image(podman: Podman) -> str:
    """The image, built from the Dockerfile."""
    begun = time.monotonic()
    build_image(podman)
    took = time.monotonic() - begun
    python = podman("run", "--rm", "--entrypoint=python", IMAGE, "--version").stdout.strip()
    FIGURES.append(
        f"{PYTHON.rpartition('/')[2]} was not asked for anywhere: a stand-in of Debian with {python} has its place"
    )
    FIGURES.append(f"built in {took:.0f} seconds (layers that were there already are not built again)")
    sizes = {name: int(podman.inspect(name)["Size"]) for name in (IMAGE, PYTHON, DEBIAN)}
    FIGURES.append(
        f"size: {sizes[IMAGE] / 1e6:.0f} MB, of which {sizes[PYTHON] / 1e6:.0f} MB are the stand-in"
        f" and {(sizes[IMAGE] - sizes[PYTHON]) / 1e6:.0f} MB ours"
    )
    return IMAGE


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section(f"figures, on {platform.machine()}")
    for line in FIGURES:
        terminalreporter.line(line)
