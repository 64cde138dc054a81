"""What pages leave out of messages: commands, which people of a sales team cannot follow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import worker
from console.plain_words import names_a_command, plain_words

SHORTENED = [
    ("ben@client.example opted out; lifting that needs a reason (--why)",
     "ben@client.example opted out; lifting that needs a reason"),
    ("a@b.example has no live Do Not Email entry; inbox-worker dne list shows all",
     "a@b.example has no live Do Not Email entry"),
    ("no endpoint 'crm' (there are: none yet); add it with: inbox-worker webhooks add",
     "no endpoint 'crm' (there are: none yet)"),
    ("gmail.com is a provider of mail: strangers would be banned; --force does it anyway",
     "gmail.com is a provider of mail: strangers would be banned"),
    ("'x y' is no version: letters, digits and . + - _, 80 at most; say another --version",
     "'x y' is no version: letters, digits and . + - _, 80 at most"),
    ("'http://a.example' is not encrypted; use https (http is for private networks, with --allow-private)",
     "'http://a.example' is not encrypted; use https"),
    ("h is this machine; add such a mailbox at the machine (inbox-worker mailboxes), or let the console name it",
     "h is this machine; add such a mailbox at the machine, or let the console name it"),
    ("it cannot be; inbox-worker check says why. Nothing was changed.", "it cannot be. Nothing was changed."),
]  # fmt: skip
WHOLE = [
    "a campaign 'a--b' (the one of May) is there; choose another key",
    "run: inbox-worker migrate",
    "(--why)",
    "--force does it anyway; strangers would be banned",
    "",
]


@pytest.mark.parametrize(("message", "left"), SHORTENED)
def test_what_names_a_command_is_left_out_and_a_sentence_stays(message: str, left: str) -> None:
    assert plain_words(message) == left


@pytest.mark.parametrize("message", WHOLE)
def test_a_message_stays_whole_without_a_command_and_where_nothing_else_would_be_left(message: str) -> None:
    assert plain_words(message) == message


def messages() -> Iterator[str]:
    """Yield what use cases say when they refuse; X stands for each value."""
    folder = Path(worker.__path__[0])
    for path in sorted(folder.rglob("*.py")):
        if path.relative_to(folder).parts[0] in {"cli", "demo", "doctor"}:
            continue  # What they say is said at the command line alone.
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "").endswith("Error") and node.args:
                says = node.args[0]
                if isinstance(says, ast.Constant) and isinstance(says.value, str):
                    yield says.value
                if isinstance(says, ast.JoinedStr):
                    yield "".join(str(each.value) if isinstance(each, ast.Constant) else "X" for each in says.values)


def test_no_message_of_ours_shows_a_command_on_a_page() -> None:
    # What begins with an option is said at the command line alone, where there is one.
    named = [message for message in messages() if names_a_command(message) and not message.startswith("--")]
    assert len(named) > 20
    assert [message for message in named if names_a_command(plain_words(message))] == []
