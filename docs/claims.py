"""What docs/develop.md claims of the house, in its tables, and whether the code does it.

What it claims and the code does not do (a file that is gone, a step that its line does not reach, an import between
rooms that should not be) ends the program with a message, and so the test that asks whether the picture is current.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import grimp

import models

ROOT = Path(__file__).parent.parent
CODE = Path(str(models.__file__)).parent.parent
"""Where the packages lie; they may be installed elsewhere."""
PAGE = ROOT / "docs" / "develop.md"
ROOMS = ("console", "worker", "config", "models", "classifier")
LEAVES = ROOMS[2:]
DRAWN = {("console", "worker"), *((upper, leaf) for upper in ("console", "worker") for leaf in LEAVES)}
"""Which room imports which."""
SPANS = (
    ("worker/poll.py", "one mailbox", "fetch", "acknowledge"),
    ("worker/process.py", "one batch", "parse", "apply"),
    ("worker/apply.py", "one transaction", "match", "apply"),
)
"""Which file runs which steps of the straight line, the outermost first."""


@dataclass(frozen=True)
class Step:
    """A row of a table of steps: what is done, in which files, and what is handed on."""

    name: str
    files: tuple[str, ...]
    hands_on: str

    @property
    def room(self) -> str:
        return self.files[0].partition("/")[0]


@dataclass(frozen=True)
class Room:
    """A row of the table of folders."""

    name: str
    holds: str
    must_not_know: str


def tables(page: str) -> list[list[Step]]:
    """Read every table of steps, the straight line first."""
    return [steps(table) for table in re.findall(r"^\| Step \|.*\n(?:\|.*\n)+", page, re.MULTILINE)]


def files(cell: str) -> tuple[str, ...]:
    """Return the files and folders that a cell names; a bare name lies in a folder that was named before it."""
    found: list[str] = []
    for name in re.findall(r"`([\w/]+(?:\.py|/))`", cell):
        places = [name, *(f"{each.rpartition('/')[0]}/{name}" for each in reversed(found))]
        path = next((each for each in places if (CODE / each).exists()), None)
        if path is None:
            raise SystemExit(f"docs/develop.md names {name}, which is not there")
        found.append(path)
    return tuple(found)


def steps(table: str) -> list[Step]:
    """Read a table of steps."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return [Step(row[0], files(row[1]), plain(row[2]) if len(row) > 2 else "") for row in rows]


def folders(page: str) -> Iterator[Room]:
    """Read the table of folders."""
    for name, holds, unknown in re.findall(r"^\| `(\w+)/` \| (.+?) \| (.+?) \|$", page, re.MULTILINE):
        yield Room(name, plain(holds), plain(unknown))


def plain(cell: str) -> str:
    return re.sub(r"`|\*", "", cell)


def check(straight: Sequence[Step]) -> None:
    """Hold what is drawn against the imports."""
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    imports = {
        (room_of(importer), room_of(imported))
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if room_of(importer) != room_of(imported)
    }
    if imports != DRAWN:
        raise SystemExit(f"rooms import each other otherwise than drawn: {sorted(imports ^ DRAWN)}")
    for file, _, first, last in SPANS:
        for step in between(straight, first, last):
            for one in step.files[:1]:
                if one != file and not graph.chain_exists(module(file), module(one)):
                    raise SystemExit(f"{file} does not reach the step {step.name!r} in {one}")


def room_of(module: str) -> str:
    return module.partition(".")[0]


def module(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


def between(straight: Sequence[Step], first: str, last: str) -> Sequence[Step]:
    names = [step.name for step in straight]
    return straight[names.index(first) : names.index(last) + 1]
