"""The house itself: what the pages promise is there, and what is there stands in the pages."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from config.settings import PREFIX, Settings
from worker.cli import cli

ROOT = Path(__file__).parent.parent
PAGES = "\n".join(path.read_text() for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            for below in command.commands:
                yield f"{name} {below}", command.commands[below]


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_is_documented(name: str) -> None:
    first, *rest = name.split()
    told = re.search(
        rf"\b{first}\b[^|\n]*\b{re.escape(' '.join(rest))}\b" if rest else rf"`(inbox-worker )?{first}\b", PAGES
    )
    assert told, f"say in docs/operate.md what {name!r} does"


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_helps(name: str, command: click.Command) -> None:
    assert command.help, f"{name} has no docstring"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts[0]} says nothing about itself"


def test_no_secret_is_an_argument_since_everybody_on_the_machine_sees_those() -> None:
    wanted = re.compile(r"password|secret|token|_key")
    taken = {
        (name, option.name): option.type
        for name, command in commands()
        for option in command.params
        if isinstance(option, click.Option) and not option.is_flag and wanted.search(option.name or "")
    }
    assert ("mailboxes add", "password_file") in taken
    assert {name for name, kind in taken.items() if not isinstance(kind, click.Path)} == set()


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_documented_with_its_default(name: str) -> None:
    page = (ROOT / "docs" / "configure.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{PREFIX}{name.upper()}`")]
    assert f"`{name}`" in row
    default = Settings.model_fields[name].default
    if isinstance(default, str | int | float):
        assert f"`{default:g}`" in row if isinstance(default, float) else f"`{default}`" in row


def test_help_loads_no_heavy_library() -> None:
    code = "import sys; from worker.cli import cli; cli.main(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.split())
    assert not loaded & {"sklearn", "numpy", "sqlalchemy", "pydantic", "rich", "structlog"}


@pytest.mark.parametrize("command", ["mailboxes", "recipients", "dne", "review", "messages", "sends"])
def test_what_judges_nothing_loads_no_classifier(command: str) -> None:
    code = f"import sys; from worker.cli import cli; cli.get_command(None, {command!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not set(done.stdout.split()) & {"classifier.judge", "numpy"}


def test_judging_a_message_loads_no_database_and_no_training_library(tmp_path: Path) -> None:
    mail = tmp_path / "a.eml"
    mail.write_text("Subject: Re: hello\n\nPlease take me off your list.\n")
    code = f"import sys; from worker.cli import cli; cli.main(['judge', {str(mail)!r}], standalone_mode=False)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(*sys.modules)"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "Unsubscribed" in done.stdout
    assert not set(done.stdout.split()) & {"sqlalchemy", "sklearn", "imapclient", "alembic"}


def test_no_registry_is_named_in_the_repository() -> None:
    names = ("py" + "pi.org", "python" + "hosted", "npm" + "js.org", "debian" + ".org")
    files = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    for name in filter(None, files.split("\0")):
        path = ROOT / name
        if path.is_file():
            content = path.read_bytes().decode("utf-8", "replace")
            assert not any(host in content for host in names), name
