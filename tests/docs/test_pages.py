"""Every command that a page shows is run, and answers as the page says; what cannot be run says why."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import tomllib
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path

import click
import pytest
from sqlalchemy import Engine, text

from config.settings import PREFIX, Settings
from docs.claims import CODE
from tests.docs import not_run
from tests.docs.mails import furnish
from tests.docs.pages import PAGES, ROOT, SETTING, Command, blocks, commands, headings, links, name_of, spoken
from tests.docs.story import Story, bare, reason_not_to_run
from tests.docs.worlds import WORLDS
from tests.servers import PrivateDovecot
from worker.cli import cli

ALL = [command for page in PAGES for command in commands(page)]
OF_OURS = re.compile(r"`((?:config|models|classifier|worker|console|tests|bench)/[\w./-]*\w/?)(?:::\w+)?`")
IMAGINED = {"classifier/answers/rating.py", "tests/classifier/test_rating.py"}
"""What develop.md has its reader write."""
TOLD = [page for page in PAGES if not all(map(reason_not_to_run, commands(page)))]
SPOKEN = sorted({code for page in PAGES for code in spoken(page) if code.startswith("inbox-worker ")})


@pytest.fixture(scope="session")
def mailbox(dovecot: PrivateDovecot) -> PrivateDovecot:
    furnish(dovecot, datetime.now(UTC))
    return dovecot


@pytest.mark.server
@pytest.mark.parametrize("page", TOLD, ids=name_of)
def test_a_page_does_what_it_says(page: Path, mailbox: PrivateDovecot, tmp_path: Path) -> None:
    if any(command.text.startswith("curl") for command in commands(page)) and not shutil.which("curl"):
        pytest.skip("the examples are written with curl, which is not installed")
    Story(page, tmp_path, mailbox).tell()


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.place)
def test_a_command_is_run_or_says_why_not_and_parses_all_the_same(command: Command) -> None:
    words = words_of(command.text)
    if words[0] == "make":
        target = [word for word in words[1:] if "=" not in word]
        assert all(f"\n{each}:" in (ROOT / "Makefile").read_text() for each in target), (
            f"{command.place}: {command.text}"
        )
    if reason_not_to_run(command) and (behind := ours_of(words)):
        check(behind, whole=words[0] == "inbox-worker")


@pytest.mark.parametrize("code", SPOKEN)
def test_a_command_within_the_text_names_commands_and_options_that_are_there(code: str) -> None:
    check(shlex.split(code)[1:], whole=False)


@pytest.mark.parametrize("pattern", not_run.COMMANDS)
def test_what_is_listed_as_not_run_stands_on_a_page(pattern: str) -> None:
    assert any(fnmatchcase(bare(command.text), pattern) for command in ALL), "take it off tests/docs/not_run.py"
    for named in re.findall(r"tests/\S+\.py", not_run.COMMANDS[pattern]):
        assert (ROOT / named).is_file()


def test_every_page_of_which_more_is_said_is_there() -> None:
    assert [page for page in (*not_run.PAGES, *WORLDS) if not (ROOT / page).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_command_hides_in_a_block_that_is_not_run(page: Path) -> None:
    for block in blocks(page):
        if not block.is_typed:
            for line in block.text.splitlines():
                assert not re.match(r"\s*(\$ )?inbox-worker ", line), f"{block.page}:{block.line}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_setting_that_a_page_names_is_there(page: Path) -> None:
    for name in re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b(?!_?\.\.\.)", page.read_text()):
        setting = name.removeprefix(PREFIX).removesuffix("_FILE").lower()
        assert setting in {*Settings.model_fields, "config"}, name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_of_json_and_python_can_be_read(page: Path) -> None:
    for block in blocks(page):
        if block.language == "json":
            json.loads(block.text)
        if block.language == "python":
            compile(block.text, block.page, "exec")
        if block.language == "toml":
            tomllib.loads(block.text)


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True)
def test_the_questions_that_pages_put_to_the_database_are_understood(engine: Engine) -> None:
    asked = [
        line
        for page in PAGES
        for block in blocks(page)
        for line in block.text.splitlines()
        if line.startswith("SELECT")
    ]
    assert asked
    with engine.connect() as connection:
        for line in asked:
            connection.execute(text(f"EXPLAIN {line}"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_of_ours_that_a_page_names_is_there(page: Path) -> None:
    named = set(OF_OURS.findall(page.read_text())) - IMAGINED
    assert [name for name in sorted(named) if not ((ROOT / name).exists() or (CODE / name).exists())] == []


@pytest.mark.sources
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_to_a_file_and_to_a_heading_that_is_there(page: Path) -> None:
    for link in links(page):
        if not link.startswith(("http:", "https:", "mailto:")):
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            assert target.exists(), f"{name_of(page)} links to {link}"
            assert not anchor or anchor in headings(target), f"{name_of(page)} links to {link}"


def test_every_page_and_every_picture_is_shown_by_another_page() -> None:
    shown = {(page.parent / link.partition("#")[0]).resolve() for page in PAGES for link in links(page)}
    pictures = [path for path in (ROOT / "docs").iterdir() if path.suffix in {".png", ".svg"}]
    assert [path.name for path in (*PAGES[1:], *pictures) if path not in shown] == []


def words_of(text: str) -> list[str]:
    """Return the words of the first command of a line, without what its settings and its output are."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|;&<>")
    lexer.whitespace_split = True
    words = list(takewhile(lambda word: not set(word) <= set("|;&<>"), lexer))
    while words and SETTING.fullmatch(words[0]):
        words.pop(0)
    return words[:-1] if words[-1:] == ["2"] else words


def ours_of(words: list[str]) -> list[str] | None:
    """Return what a line has our program do; a container, an image or a service may bear its name, too."""
    names = [at for at, word in enumerate(words, start=1) if Path(word).name == "inbox-worker"]
    known = [[name] for name in cli.list_commands(click.Context(cli))]
    return next((words[at:] for at in names if at == 1 or words[at : at + 1] in known), None)


def check(words: list[str], *, whole: bool) -> None:
    """Parse a command and run nothing; `whole`: nothing that it needs may be missing."""
    found: click.Command = cli
    while isinstance(found, click.Group) and words:
        name, *words = words
        if name.startswith("-"):
            assert name in {option for each in found.params for option in each.opts} | {"--help"}
            return
        below = found.get_command(click.Context(found), name)
        assert below is not None, f"there is no command {name!r}"
        found = below
    if isinstance(found, click.Group):
        assert not whole, f"{found.name} needs a verb"
        return
    context = click.Context(found)
    values, left, _ = found.make_parser(context).parse_args(list(words))
    assert not left, f"{found.name} takes no {left}"
    for parameter in found.params:
        value = values.get(parameter.name or "")
        if isinstance(parameter.type, click.Choice) and isinstance(value, str):
            parameter.type.convert(value, parameter, context)
        assert not (whole and parameter.required and not value), f"{found.name} needs {parameter.name}"
