"""Draws docs/demo.svg: what `inbox-worker demo` prints, without the middle of its long tables (`make picture`)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 160
SHOWN = {"What came back": 22, "Recipients": 30, "Do Not Email": 16, "For a person": 14}


def main() -> None:
    """Run the demo as a terminal would show it and keep the beginning of each table."""
    environment = os.environ | {"FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    command = [sys.executable, "-m", "worker", "demo"]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    console.print("[bold green]$[/] make demo")
    left = 4
    for line in output.splitlines():
        title = next((title for title in SHOWN if title in line and "│" not in line), None)
        if title:
            left = SHOWN[title]
            console.print()
        if left > 0:
            console.print(Text.from_ansi(line))
        elif left == 0:
            console.print("[dim]  ...[/]")
        left -= 1
    svg = console.export_svg(title="inbox-worker demo")
    # No font is fetched from elsewhere: the reader's own monospace serves.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    Path("docs/demo.svg").write_text(svg, "utf-8")


if __name__ == "__main__":
    main()
