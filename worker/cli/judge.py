"""`judge`: what are these messages? No database, no network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.header import Header
from email.mime.text import MIMEText
from itertools import chain
from pathlib import Path
from typing import Any

import click

from classifier.judge import JudgeContext, ReplyJudge, judge_batch
from classifier.message import parse
from classifier.present import as_card
from classifier.present import as_json as verdict_row
from config.settings import read
from worker.chunks import chunks
from worker.cli.output import as_json, emit
from worker.errors import InputError
from worker.imap.arrival import NO_DATE
from worker.learning.artifacts import open_classifier
from worker.reading.files import eml_files, mbox_messages

BATCH = 200
_HEADER = re.compile(r"[!-9;-~]+:")


@dataclass(frozen=True, slots=True)
class _Item:
    identity: dict[str, Any]
    raw: bytes


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--mbox", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Messages of an mbox file.")
@click.option("--jsonl", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Rows of {id, text, ...}.")
@click.option("--own", multiple=True, help="An address of ours: mail from it is outgoing. May be repeated.")
@click.option("--alias", multiple=True, help="An address of ours that opt-outs are sent to. May be repeated.")
@as_json
def judge(
    paths: tuple[Path, ...],
    mbox: Path | None,
    jsonl: Path | None,
    own: tuple[str, ...],
    alias: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say what each message is, and why. PATH: a file is one message, a folder every file below it but *.jsonl."""
    if not (paths or mbox or jsonl):
        raise click.UsageError("give a message, a folder of messages, --mbox FILE or --jsonl FILE")
    classifier = open_classifier(read())
    items = chain(
        (_Item({"file": name}, raw) for name, raw in eml_files(paths)),
        (_Item({"file": name}, raw) for name, raw in (mbox_messages(mbox) if mbox else ())),
        _rows(jsonl) if jsonl else (),
    )
    for identity, parsed, verdict in _judged(items, own, alias, classifier):
        if as_json:
            emit([verdict_row(identity, parsed, verdict)])
        else:
            click.echo(as_card(identity, parsed, verdict))


def _judged(
    items: Iterable[_Item], own: tuple[str, ...], alias: tuple[str, ...], classifier: ReplyJudge
) -> Iterator[tuple[dict[str, Any], Any, Any]]:
    for chunk in chunks(items, BATCH):
        parsed = [parse(item.raw) for item in chunk]
        contexts = [
            JudgeContext(
                own_addresses=frozenset(each.lower() for each in own),
                opt_out_aliases=frozenset(each.lower() for each in alias),
                trusted_authserv_ids=frozenset(),
                arrived_at=one.received_at or one.date or NO_DATE,
                classifier=classifier,
            )
            for one in parsed
        ]
        verdicts = judge_batch(parsed, contexts)
        yield from zip((item.identity for item in chunk), parsed, verdicts, strict=True)


def _rows(path: Path) -> Iterator[_Item]:
    """Read rows of {id, subject?, headers?, text or html or raw, or input with format}."""
    # As bytes, which are decoded row by row: a row that is no UTF-8 is named like any other that cannot be used.
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                yield _Item({"id": row["id"]}, _raw(row))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                raise InputError(f"{path}, row {number}: {error!r}; a row is {{id, text or html or raw}}") from error


def _raw(row: dict[str, Any]) -> bytes:
    """Build the message a row describes; `text` wins over `html`, and `raw` is a whole message, or a bare text."""
    text, html = row.get("text"), row.get("html")
    if text is None and html is None and "input" in row:
        text, html = (None, row["input"]) if row.get("format") == "html" else (row["input"], None)
    if text is None and html is None:
        text = str(row["raw"])
        if _HEADER.match(text):
            return text.encode("utf-8", "surrogateescape")
    body, kind = (text, "plain") if text is not None else (html, "html")
    message = MIMEText(str(body or "").encode("utf-8", "replace").decode(), kind, "utf-8")
    for name, value in {"Subject": row.get("subject") or "", **(row.get("headers") or {})}.items():
        # Fields about MIME stand behind those of the body as it is built here, and the first of a name is read.
        for each in value if isinstance(value, list) else [value]:
            line = " ".join(str(each).split())
            message[name] = line if line.isascii() else Header(line, "utf-8").encode()
    return message.as_bytes()
