"""The pages as a reader has them: blocks of code, the commands in these with what they answer, links, headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
SHELLS = ("sh", "bash", "console", "shell")
PROMPT = "$ "
# What a line begins with that somebody is meant to type. A block without a language is commands if one begins so.
PROGRAMS = (
    "apt", "apt-get", "buildah", "cat", "chmod", "chown", "cosign", "cp", "createdb", "crontab", "curl", "docker",
    "export", "git", "helm", "inbox-worker", "journalctl", "kubectl", "make", "man", "mkdir", "mv", "openssl",
    "pg_dump", "pg_restore", "pip", "pipx", "podman", "printf", "psql", "python", "python3", "rm", "sha256sum",
    "sqlite3", "sudo", "systemctl", "systemd-creds", "tar", "umask", "uv", "virtualenv",
)  # fmt: skip
SETTING = re.compile(r"(INBOX_[A-Z_]+)=(<.+>|[^\s'\"]*|\"[^\"]*\")")
"""A line of a settings file."""


@dataclass(frozen=True)
class Block:
    """A block of code: where it stands, and in which language (none: it is indented)."""

    page: str
    line: int
    language: str
    text: str

    @property
    def is_typed(self) -> bool:
        """Whether these are lines for a shell."""
        lines = self.text.splitlines()
        return self.language in SHELLS or (not self.language and any(_is_typed(line) for line in lines))


@dataclass(frozen=True)
class Command:
    """A line that a page shows, and what it shows as its answer (nothing: None)."""

    page: str
    line: int
    text: str
    answer: str | None = None
    is_json: bool = False

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def tokens(page: Path) -> tuple[Token, ...]:
    return tuple(MarkdownIt("commonmark").enable("table").parse(page.read_text("utf-8")))


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    return tuple(
        Block(name_of(page), token.map[0] + 1 + (token.type == "fence"), token.info.strip(), token.content)
        for token in tokens(page)
        if token.type in {"fence", "code_block"} and token.map
    )


@cache
def commands(page: Path) -> tuple[Command, ...]:
    """Return what a page has its reader type, in order; a block of JSON right below is the last command's answer."""
    found: list[Command] = []
    end = -1
    for block in blocks(page):
        if block.is_typed:
            found += _typed(block)
            # The fence itself, and the empty line behind it.
            end = block.line + len(block.text.splitlines()) + 2
        elif block.language == "json" and block.line - 1 == end:
            last = found.pop()
            found.append(Command(last.page, last.line, last.text, block.text, is_json=True))
    return tuple(found)


def headings(page: Path) -> frozenset[str]:
    """Return the anchors of a page, as GitHub names them."""
    found: list[str] = []
    for opening, inline in zip(tokens(page), tokens(page)[1:], strict=False):
        if opening.type == "heading_open":
            slug = re.sub(r"[^\w\- ]", "", inline.content.lower()).replace(" ", "-")
            found.append(f"{slug}-{again}" if (again := found.count(slug)) else slug)
    return frozenset(found)


def links(page: Path) -> Iterator[str]:
    """Give where the links and pictures of a page lead."""
    for token in tokens(page):
        for child in token.children or ():
            where = child.attrGet("href") or child.attrGet("src")
            if where:
                yield str(where)


def spoken(page: Path) -> Iterator[str]:
    """Give every piece of code within the text of a page."""
    for token in tokens(page):
        yield from (child.content for child in token.children or () if child.type == "code_inline")


def _is_typed(line: str) -> bool:
    program = re.sub(r"^(?:[A-Z_]+=\S* )+", "", line).split(" ", 1)[0]
    return line.startswith(PROMPT) or program in PROGRAMS or bool(SETTING.fullmatch(line))


def _typed(block: Block) -> Iterator[Command]:
    """Give the commands of a block: behind prompts with what they answer, or every line of it."""
    lines = list(enumerate(block.text.splitlines(), block.line))
    prompted = any(line.startswith(PROMPT) for _, line in lines)
    while lines:
        number, line = lines.pop(0)
        if not line.strip() or line.startswith("#"):
            continue
        text = line.removeprefix(PROMPT)
        while lines and not _is_whole(text):
            text += f"\n{lines.pop(0)[1]}"
        answer = []
        while prompted and lines and not lines[0][1].startswith(PROMPT):
            answer.append(lines.pop(0)[1])
        shown = "\n".join(answer).strip("\n") if prompted else None
        yield Command(block.page, number, _as_command(text), shown or None)


def _is_whole(text: str) -> bool:
    if text.endswith("\\"):
        return False
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return False
    return True


def _as_command(text: str) -> str:
    """Turn a line of a settings file into one for a shell: `NAME=<command>` takes what the command prints."""
    setting = SETTING.fullmatch(text)
    if not setting:
        return text
    name, value = setting.groups()
    made = re.fullmatch(r"<(.+)>", value)
    return f'export {name}="$({made[1]})"' if made else f"export {name}={shlex.quote(value)}"
