"""Findings about the settings: what belongs together, and which files with secrets others may read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

from pydantic import SecretStr

from config.settings import PREFIX, Settings, is_here
from worker.watch.health import Finding, notable, well, wrong

OTHERS = 0o077
"""The rights of everybody but the owner of a file."""
SECRETS = [
    name
    for name, field in Settings.model_fields.items()
    if SecretStr in {field.annotation, *get_args(field.annotation)}
]
"""The settings that nobody else should read."""


def links(settings: Settings) -> Iterator[Finding]:
    """Find whether the links in our mail can be made, and lead where mail programs follow them."""
    url, keys = settings.public_url, settings.signing_keys
    if keys and not url:
        yield wrong(
            "links",
            "there are INBOX_LINK_KEYS and no INBOX_PUBLIC_URL, so no unsubscribe link can be made",
            "set INBOX_PUBLIC_URL to the https address at which recipients reach the console",
        )
    elif url and not keys:
        yield notable(
            "links",
            "there is INBOX_PUBLIC_URL and no INBOX_LINK_KEYS, so no unsubscribe link can be made",
            "set INBOX_LINK_KEYS (openssl rand -hex 32), unless you use no links",
        )
    elif url and not url.startswith("https:"):
        yield notable(
            "links",
            f"INBOX_PUBLIC_URL={url} is plain http on this machine: no recipient gets there",
            "set it to the https address at which recipients reach the console",
        )
    elif url:
        yield well("links", f"lead to {url}")


def console(settings: Settings) -> Iterator[Finding]:
    """Find whether the console shows passwords and sessions to a network."""
    host = settings.console_host
    if not is_here(host) and not settings.public_url:
        yield notable(
            "console",
            f"INBOX_CONSOLE_HOST={host} lets others in over plain HTTP, and no INBOX_PUBLIC_URL names a way with TLS",
            "put a web server with TLS before it, and set INBOX_PUBLIC_URL to its address",
        )


def private_files(environment: Mapping[str, str], database: Path | None) -> Iterator[Finding]:
    """Find files with secrets, or with everybody's mail, that other users of this machine may read.

    Args:
        environment: of this process.
        database: the file of SQLite.
    """
    files = [*_with_secrets(environment), *([database] if database else [])]
    modes = {path: mode for path in files if (mode := _mode(path)) is not None}
    for path, mode in modes.items():
        if mode & OTHERS:
            says = f"{path} may be read or written by other users of this machine (mode {mode:o})"
            yield notable("private files", says, f"run: chmod 600 {path}")
    if modes:
        yield well("private files", f"looked at {', '.join(map(str, modes))}")


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return None  # What needs it says so.


def _with_secrets(environment: Mapping[str, str]) -> Iterator[Path]:
    names = [f"{PREFIX}{name.upper()}" for name in SECRETS]
    yield from (Path(environment[f"{name}_FILE"]) for name in names if environment.get(f"{name}_FILE"))
    dotenv = Path(".env")
    if dotenv.is_file() and any(name in dotenv.read_text("utf-8", "replace").upper() for name in names):
        yield dotenv
    toml = Path(environment.get(f"{PREFIX}CONFIG", "inbox-worker.toml"))
    if toml.is_file() and set(SECRETS) & tomllib.loads(toml.read_text("utf-8")).keys():
        yield toml
