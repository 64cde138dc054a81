"""The command itself: what it offers, what it is called with, and who it says acts."""

from __future__ import annotations

import getpass
import os
import runpy
from importlib.metadata import version

import click
import pytest
from click.shell_completion import ShellComplete

from tests.worker.commanding import ANNA, Commands, said
from worker import cli
from worker.cli.extras import next_step
from worker.cli.failures import describe

ENDLESS = "9999999999999999999999"


def test_it_says_its_version() -> None:
    assert said(["--version"]).out == f"{version('inbox-worker')}\n"


def test_a_command_that_is_none_is_wrong_usage() -> None:
    answer = said(["sennds"])
    assert (answer.code, "No such command 'sennds'" in answer.err) == (2, True)


def test_a_shell_completes_commands_by_their_beginning_and_options_by_their_dash() -> None:
    def completed(incomplete: str) -> list[str]:
        asked = ShellComplete(cli.cli, {}, "inbox-worker", "_INBOX_WORKER_COMPLETE")
        return [each.value for each in asked.get_completions([], incomplete)]

    assert completed("mes") == ["messages"]
    assert {"console", "dne", "demo"} <= set(completed(""))
    assert "--version" in completed("--")
    assert "messages" not in completed("--")


def test_as_a_module_it_is_the_program_and_in_the_processes_of_a_backfill_it_is_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(cli, "main", lambda: begun.append("main"))
    runpy.run_module("worker.__main__", run_name="__mp_main__")
    assert begun == []
    runpy.run_module("worker.__main__", run_name="__main__")
    assert begun == ["main"]


def test_who_acts_where_nobody_has_a_name_is_told_by_number(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    run.send(ANNA)
    monkeypatch.setattr(getpass, "getuser", nameless)
    run.done("recipients", "set-status", ANNA, "Interested")
    assert f"by user {os.getuid()}" in run.done("recipients", "show", ANNA).out


def test_what_an_extra_brings_is_named_and_what_none_does_is_a_bug() -> None:
    def missing(module: str) -> ModuleNotFoundError:
        return ModuleNotFoundError(f"No module named {module!r}", name=module)

    needs = "a fleet of workers needs more: pip install 'inbox-worker[fleet]'"
    assert next_step(missing("procrastinate.exceptions")) == describe(missing("procrastinate")) == needs
    assert describe(missing("worker.nothing")) is None


@pytest.mark.parametrize(
    "words",
    [
        ("messages", "show"),
        ("messages", "list", "--limit"),
        ("review", "resolve", "--", "-1", "dismiss"),
        ("review", "retry"),
        ("events", "tail", "--since"),
        ("artifacts", "shadow", "default", "--days"),
        ("campaigns", "set", "spring", "--auto-response-days"),
        ("doctor", "--max-age"),
        ("labels", "drop"),
    ],
)
def test_a_number_that_nothing_can_hold_is_wrong_usage(run: Commands, words: tuple[str, ...]) -> None:
    answer = run(*words) if "dismiss" in words else run(*words, ENDLESS)
    assert (answer.code, "is not in the range" in answer.err) == (2, True)


def test_a_time_before_time_is_wrong_usage(run: Commands) -> None:
    answer = run("events", "tail", "--since", "0001-01-01T00:00:00+05:00")
    assert (answer.code, "is no time" in answer.err) == (2, True)
    assert run.done("events", "tail", "--since", "0").out == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_a_script_that_asks_the_program(shell: str) -> None:
    answer = said(["completion", shell])
    assert (answer.code, f"_INBOX_WORKER_COMPLETE={shell}_complete" in answer.out) == (0, True)


def test_a_command_of_another_package_is_listed_with_its_own_help() -> None:
    context = click.Context(cli.cli)
    assert "console" in cli.cli.list_commands(context)
    assert "Serve the pages for people" in said(["--help"]).out
