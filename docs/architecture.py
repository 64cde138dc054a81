"""Draws docs/architecture.svg from the code: the tables of develop.md name the steps, the import graph the rooms."""

from __future__ import annotations

import textwrap
import tomllib
from collections.abc import Iterator, Sequence

from docs import claims
from docs.claims import CODE, LEAVES, ROOT, SPANS, Room, Step
from docs.shapes import STYLE, arrow, barrel, box, down, envelope, text, words

PICTURE = ROOT / "docs" / "architecture.svg"
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


def main() -> None:
    PICTURE.write_text(drawn(), "utf-8")


def drawn() -> str:
    """Return the picture as SVG."""
    page = claims.PAGE.read_text("utf-8")
    straight, *others = claims.tables(page)
    beside = {table[0].files[0]: table for table in others}
    rooms = {each.name: each for each in claims.folders(page)}
    claims.check(straight)
    parts = [*the_straight_line(straight, 0), *the_rooms(rooms, 366)]
    top = 668 + INSIDE
    parts.append(text(MARGIN, top, "The other lines", "title"))
    for number, (first, title) in enumerate(LINES.items()):
        parts += another_line(title, beside[first], top + 20 + number * PITCH)
    height = top + 20 + len(LINES) * PITCH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' role="img" aria-label="The architecture: a message in a straight line, the rooms, the other lines">\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="paper" width="{WIDTH}" height="{height}" rx="12"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


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


if __name__ == "__main__":
    main()
