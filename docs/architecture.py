"""Draws docs/architecture.svg from the code: the tables of develop.md name the steps, the import graph the rooms.

What the page claims and the code does not do (a file that is gone, a step that its line does not reach, an import
between rooms that should not be) ends the drawing with a message, and so the test that asks whether it is current.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import grimp

import models

ROOT = Path(__file__).parent.parent
CODE = Path(str(models.__file__)).parent.parent
"""Where the packages lie; they may be installed elsewhere."""
PAGE = ROOT / "docs" / "develop.md"
PICTURE = ROOT / "docs" / "architecture.svg"
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
LINES = {
    "worker/schedule.py": "Who is polled",
    "console/edge.py": "A request to the console",
    "worker/writing/outbox.py": "What other systems hear",
    "worker/learning/labels.py": "What teaches the classifier",
}
"""The other lines that are drawn, by the first file in their table."""
WIDTH = 1240
MARGIN = 20
INSIDE = 84
"""What the rooms inside `worker` take."""
PITCH = 100
"""From one of the other lines to the next."""
STYLE = """
  svg { --ink: #1f2933; --faint: #5c6773; --line: #8794a1; --paper: #ffffff; --shelf: #f3f5f7;
        --console: #ece5fa; --worker: #dfecfb; --config: #e9ecef; --models: #fdf0d3; --classifier: #dff3e4;
        font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --faint: #aab7c3; --line: #6b7885; --paper: #12171d; --shelf: #1b222a;
          --console: #372b55; --worker: #1d3653; --config: #2d343c; --models: #4a3a12; --classifier: #1b4029; } }
  text { fill: var(--ink); font-size: 11.5px; }
  .paper { fill: var(--paper); } .shelf { fill: var(--shelf); stroke: var(--line); stroke-dasharray: 3 3; }
  .title { font-size: 19px; font-weight: 650; } .name { font-size: 14.5px; font-weight: 650; }
  .step { font-size: 12.5px; font-weight: 600; } .faint { fill: var(--faint); font-size: 11.5px; }
  .file { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 11px; }
  .room { stroke: var(--line); stroke-width: 1; } .line { stroke: var(--line); stroke-width: 1.6; fill: none; }
  .head { fill: var(--line); }
"""


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


def main() -> None:
    PICTURE.write_text(drawn(), "utf-8")


def drawn() -> str:
    """Return the picture as SVG."""
    page = PAGE.read_text("utf-8")
    tables = [steps(table) for table in re.findall(r"^\| Step \|.*\n(?:\|.*\n)+", page, re.MULTILINE)]
    straight, others = tables[0], {table[0].files[0]: table for table in tables[1:]}
    rooms = {room.name: room for room in folders(page)}
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    check(graph, straight)
    parts = [*the_straight_line(straight, 0), *the_rooms(rooms, 366)]
    top = 668 + INSIDE
    parts.append(text(MARGIN, top, "The other lines", "title"))
    for number, (first, title) in enumerate(LINES.items()):
        parts += another_line(title, others[first], top + 20 + number * PITCH)
    height = top + 20 + len(LINES) * PITCH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' role="img" aria-label="The architecture: a message in a straight line, the rooms, the other lines">\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="paper" width="{WIDTH}" height="{height}" rx="12"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


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


def check(graph: grimp.ImportGraph, straight: Sequence[Step]) -> None:
    """Hold what is drawn against the imports."""
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


def the_straight_line(straight: Sequence[Step], top: int) -> Iterator[str]:
    """Draw the steps of a message from the mailbox to the database, and below them what each hands on."""
    left, gap, high, y = MARGIN + 76, 14, 104, top + 146
    wide = (WIDTH - MARGIN - left - gap * (len(straight) - 1)) / len(straight)
    at = {step.name: left + number * (wide + gap) for number, step in enumerate(straight)}
    yield text(MARGIN, top + 38, "One message, in a straight line", "title")
    for level, (file, what, first, last) in enumerate(SPANS):
        height = top + 66 + level * 26
        x, end = at[first], at[last] + wide
        yield f'<path class="line" d="M{x:g} {height + 12} v-8 H{end:g} v8"/>'
        yield text(x + 4, height, file, "file")
        yield text(x + 12 + 6.7 * len(file), height, what, "faint")
    yield envelope(MARGIN + 4, y + high // 2 - 18, 50)
    yield text(MARGIN + 6, y + high // 2 + 34, "mailbox", "faint")
    yield arrow(MARGIN + 58, y + high // 2, left - 4)
    for step in straight:
        x = at[step.name]
        yield box(x, y, wide, high, step.room)
        yield text(x + 10, y + 24, step.name, "name")
        yield text(x + 10, y + 42, f"{step.room}/", "faint")
        for line, file in enumerate(step.files[:3]):
            yield text(x + 10, y + 58 + 14 * line, file.removeprefix(f"{step.room}/"), "file")
        if step is not straight[-1]:
            yield arrow(x + wide + 1, y + high // 2, x + wide + gap - 1)
        yield from words(x + 2, y + high + 20, step.hands_on, 19)
    yield barrel(at["apply"] + wide - 40, y + high - 40)
    yield envelope(at["acknowledge"] + wide - 40, y + high - 36, 28)


def the_rooms(rooms: dict[str, Room], top: int) -> Iterator[str]:
    """Draw the packages; an arrow is an import that there is, and none is drawn that there is not."""
    yield text(MARGIN, top, "The rooms: who imports whom", "title")
    y, wide = top + 22, 268
    right = MARGIN + wide + 64
    whole = WIDTH - MARGIN - right
    yield from room(rooms["console"], MARGIN, y, wide, 236 + INSIDE)
    yield from room(rooms["worker"], right, y, whole, 72 + INSIDE)
    yield from the_rooms_of_worker(right + 12, y + 84)
    y += INSIDE
    yield f'<rect class="shelf" x="{right}" y="{y + 102}" width="{whole}" height="134" rx="10"/>'
    one = (whole - 4 * 12) / len(LEAVES)
    for number, leaf in enumerate(LEAVES):
        x = right + 12 + number * (one + 12)
        yield from room(rooms[leaf], x, y + 112, one, 114)
        yield down(x + one / 2, y + 74, y + 110)
    yield arrow(MARGIN + wide + 2, y - INSIDE + 36, right - 2)
    yield arrow(MARGIN + wide + 2, y + 163, right - 2)


def the_rooms_of_worker(left: float, top: float) -> Iterator[str]:
    """Draw the rooms inside `worker`, as they stand on each other: whoever is above imports from below."""
    (contract,) = (
        each
        for each in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
        if each.get("containers") == ["worker"]
    )
    folders = [
        [name for name in layer.split(" | ") if (CODE / "worker" / name).is_dir()] for layer in contract["layers"]
    ]
    # The demo stands beside them all.
    stack = [names for names in folders if names and names != ["demo"]]
    wide = [10 + 6.7 * max(map(len, names)) for names in stack]
    gap = (WIDTH - MARGIN - 12 - left - sum(wide)) / (len(stack) - 1)
    x = left
    for names, width in zip(stack, wide, strict=True):
        yield f'<rect class="shelf" x="{x:g}" y="{top:g}" width="{width:g}" height="{INSIDE - 22}" rx="6"/>'
        for line, name in enumerate(names):
            yield text(x + 5, top + 19 + 16 * line, name, "file")
        x += width + gap
        if names is not stack[-1]:
            yield f'<path class="head" d="M{x - 1:g} {top + 15:g} l-6 -4.5 v9 z"/>'


def room(which: Room, x: float, y: float, wide: float, high: float) -> Iterator[str]:
    """Draw a package with what it holds and what it must not know."""
    yield box(x, y, wide, high, which.name)
    yield text(x + 12, y + 24, f"{which.name}/", "name")
    columns = int((wide - 22) / 6.2)
    lines = textwrap.wrap(which.holds, columns)
    yield from words(x + 12, y + 44, which.holds, columns, "")
    yield from words(x + 12, y + 48 + 15 * len(lines), f"must not know: {which.must_not_know}", columns, "faint")


def another_line(title: str, line: Sequence[Step], y: int) -> Iterator[str]:
    """Draw a line of steps small."""
    left, gap, high = MARGIN + 112, 14, 86
    wide = (WIDTH - MARGIN - left - gap * (len(line) - 1)) / len(line)
    for number, piece in enumerate(textwrap.wrap(title, 14)):
        yield text(MARGIN, y + 30 + 17 * number, piece, "step")
    for number, step in enumerate(line):
        x = left + number * (wide + gap)
        yield box(x, y, wide, high, step.room)
        lines = textwrap.wrap(step.name, int((wide - 16) / 7.7))[:2]
        for height, piece in enumerate(lines):
            yield text(x + 9, y + 19 + 15 * height, piece, "step")
        for height, piece in enumerate(textwrap.wrap(", ".join(short(step)), int((wide - 16) / 6.7))[:3]):
            yield text(x + 9, y + 22 + 15 * len(lines) + 13 * height, piece, "file")
        if number:
            yield arrow(x - gap + 1, y + high / 2, x - 1)


def short(step: Step) -> list[str]:
    """Name the first files, those of a folder with it once and without their room, and say how many more there are."""
    paths = [path for path in step.files if not any(other.startswith(path) for other in step.files if other != path)]
    named, folder = [], f"{step.room}/"
    for path in paths[:3]:
        named.append(path.removeprefix(folder).removeprefix(f"{step.room}/"))
        folder = f"{path.rstrip('/').rpartition('/')[0]}/"
    return [*named, f"+{len(paths) - 3}"] if len(paths) > 3 else named


def text(x: float, y: float, said: str, kind: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}">{escape(said)}</text>'


def words(x: float, y: float, said: str, columns: int, kind: str = "faint") -> Iterator[str]:
    for number, piece in enumerate(textwrap.wrap(said, columns)):
        yield text(x, y + 15 * number, piece, kind)


def box(x: float, y: float, wide: float, high: float, of: str) -> str:
    where = f'x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}"'
    return f'<rect class="room" {where} rx="8" style="fill: var(--{of})"/>'


def arrow(x: float, y: float, to: float) -> str:
    head = f'<path class="head" d="M{to:g} {y:g} l-7 -4.5 v9 z"/>'
    return f'<path class="line" d="M{x:g} {y:g} H{to - 5:g}"/>{head}'


def down(x: float, y: float, to: float) -> str:
    head = f'<path class="head" d="M{x:g} {to:g} l-4.5 -7 h9 z"/>'
    return f'<path class="line" d="M{x:g} {y:g} V{to - 5:g}"/>{head}'


def envelope(x: float, y: float, wide: float) -> str:
    high, half = wide * 0.68, wide / 2
    shape = f"M{x:g} {y:g} h{wide:g} v{high:g} h-{wide:g} z l{half:g} {high * 0.55:g} l{half:g} -{high * 0.55:g}"
    return f'<path class="line" d="{shape}"/>'


def barrel(x: float, y: float) -> str:
    return f'<path class="line" d="M{x:g} {y:g} v22 a14 5 0 0 0 28 0 v-22 a14 5 0 0 0 -28 0 a14 5 0 0 0 28 0"/>'


if __name__ == "__main__":
    main()
