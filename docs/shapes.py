"""The pieces of docs/architecture.svg: words, boxes, arrows, an envelope and a barrel, and how they look."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from html import escape

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
