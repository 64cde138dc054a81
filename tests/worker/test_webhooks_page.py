"""The page about webhooks: its lines verify what we send, its examples are what is sent and cover every type."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from models.tables.outside import EventType
from tests.worker.commanding import ANNA, OPT_OUT, Commands
from worker.secrets.signing import new_secret, rotated, sign

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
BODY = b'{"type":"ping"}'


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def verify(secret: str, headers: dict[str, str], body: bytes) -> bool:
    names: dict[str, Any] = {}
    (lines,) = blocks("python")
    exec(lines, names)  # noqa: S102 - the lines that receivers copy from the page
    return bool(names["verify"](secret, headers, body))


def test_the_lines_of_the_page_verify_what_is_sent() -> None:
    secret, old, now = new_secret(), new_secret(), datetime.now(UTC)
    signed = sign(rotated(old, secret, now), "msg_1", BODY, now)
    assert verify(secret, signed, BODY)
    assert verify(old, signed, BODY)
    assert not verify(new_secret(), signed, BODY)
    assert not verify(secret, signed, BODY + b" ")
    assert not verify(secret, signed | {"webhook-id": "msg_2"}, BODY)
    assert not verify(secret, sign(secret, "msg_1", BODY, now - timedelta(minutes=6)), BODY)


def test_every_type_of_event_is_told_of() -> None:
    for kind in EventType:
        assert f"`{kind.value}`" in PAGE


def test_what_a_mail_causes_looks_like_the_examples(run: Commands) -> None:
    run.add_mailbox()
    run.receive(OPT_OUT, ANNA, run.send(ANNA))
    run.done("dne", "remove", ANNA, "--why", "she asked for it")
    told = {row["type"]: row["data"] for row in run.done("events", "tail", "--json").rows}
    assert set(told) == {"recipient.status_changed", "dne.added", "dne.lifted"}
    examples = {frozenset(json.loads(block)) for block in blocks("json")}
    for data in told.values():
        assert frozenset(data) in examples
