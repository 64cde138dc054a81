"""What the pages show and no test types: each with its reason. Its `inbox-worker` part has to parse all the same.

Whoever writes a page that shows something new adds a line here only if it cannot be run; `tests/docs/worlds.py` says
what a page finds when its story begins.
"""

from __future__ import annotations

from typing import Final

PROGRAMS: Final = {
    "apt": "changes the machine",
    "apt-get": "changes the machine",
    "buildah": "no container is built within the test command",
    "createdb": "needs the PostgreSQL of an installation",
    "cosign": "asks a service of others",
    "docker": "no container engine runs where the tests do",
    "git": "there is nothing to fetch from",
    "helm": "needs a cluster",
    "journalctl": "needs systemd",
    "kubectl": "needs a cluster",
    "make": "its targets take minutes, and are what runs this test; that they exist is checked",
    "man": "is no part of every machine",
    "pg_dump": "needs the PostgreSQL of an installation",
    "pg_restore": "needs the PostgreSQL of an installation",
    "pip": "the installed package has tests of its own",
    "pipx": "the installed package has tests of its own",
    "podman": "no container engine runs where the tests do",
    "psql": "needs the PostgreSQL of an installation",
    "sudo": "changes the machine",
    "systemctl": "needs systemd",
    "systemd-creds": "needs systemd",
    "uv": "the installed package has tests of its own",
}
"""Programs that are never run here, whatever their words."""

COMMANDS: Final = {
    "inbox-worker mailboxes add * --google": "needs a consent at Google: tests/worker/test_cli_sign_in.py",
    "inbox-worker mailboxes add * --microsoft *": "needs a consent at Microsoft: tests/worker/test_cli_sign_in.py",
    "inbox-worker worker": "needs PostgreSQL: tests/journey/test_a_fleet.py",
    "inbox-worker demo": "takes half a minute: tests/journey/test_demo.py",
    "INBOX_LOG_FORMAT=json inbox-worker run *": "goes on until it is stopped: tests/test_log_lines.py",
    "inbox-worker review resolve 17 Interested": "needs a list of reviews: tests/journey/test_the_loop.py",
    "inbox-worker train": "takes a minute: tests/journey/test_the_loop.py",
    "inbox-worker evaluate 2026-11-26.091500 *": "needs what was trained: tests/journey/test_the_loop.py",
    "inbox-worker artifacts * 2026-11-26.091500": "needs what was trained: tests/journey/test_the_loop.py",
    "inbox-worker artifacts rollback": "needs what was promoted: tests/journey/test_the_loop.py",
    "inbox-worker webhooks test crm": "nobody on the public internet is told anything by a test; `try` is",
    "python -m bench.*": "takes minutes: measured by make bench",
    "python -m pytest *": "is a part of the test command itself",
}
"""Patterns of single commands (`*`: any words), without their comments."""

PAGES: Final = {
    "docs/deploy.md": "each part is another machine: an engine, a cluster, systemd; `make container` tries the image",
}
"""Pages whose whole story belongs to another machine."""
