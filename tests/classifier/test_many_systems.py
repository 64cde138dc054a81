"""Invented mails of many systems, in `tests/data/bounces`: reports, and what only looks like one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from classifier.bounces.reasons import KIND_OF
from classifier.judge import judge
from classifier.message import parse
from classifier.verdict import Absence, AutoResponse, Bounce, BounceKind, Complaint, Receipt, Verdict
from tests.classifier.letters import context

FOLDER = Path(__file__).parent.parent / "data" / "bounces"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in (FOLDER / "expected.jsonl").read_text("utf-8").splitlines()]
REPORTS = [
    row for row in ROWS if row["kind"] in {"hard", "soft", "policy", "unknown", "delayed"} and not row.get("beyond")
]
ELSE = {"complaint": Complaint, "receipt": Receipt}


def verdict(row: dict[str, Any]) -> Verdict:
    parsed = parse((FOLDER / row["file"]).read_bytes())
    world = {"own_addresses": frozenset(), "arrived_at": parsed.received_at or context().arrived_at}
    return judge(parsed, context(**world))


def name(row: dict[str, Any]) -> str:
    return str(row["file"]).removesuffix(".eml")


@pytest.mark.parametrize("row", REPORTS, ids=name)
def test_a_report_is_recognised_with_its_kind_and_its_addresses(row: dict[str, Any]) -> None:
    found = verdict(row)
    assert isinstance(found, Bounce)
    assert found.kind == row["kind"]
    assert set(found.recipients) <= {each.lower() for each in row["recipients"]}
    assert found.recipients or not row["recipients"]


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] in {"ordinary", "automatic"}], ids=name)
def test_what_is_no_report_is_no_bounce(row: dict[str, Any]) -> None:
    found = verdict(row)
    assert not isinstance(found, Bounce) or found.kind is BounceKind.DELAYED


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] in ELSE and not row.get("beyond")], ids=name)
def test_complaints_and_receipts_are_told_from_failures(row: dict[str, Any]) -> None:
    assert isinstance(verdict(row), ELSE[row["kind"]])


@pytest.mark.parametrize("row", [row for row in ROWS if row.get("beyond")], ids=name)
def test_a_list_program_s_notice_makes_no_address_dead(row: dict[str, Any]) -> None:
    found = verdict(row)
    assert not isinstance(found, Bounce) or found.kind is not BounceKind.HARD


def test_nine_reasons_of_ten_are_the_ones_expected() -> None:
    failures = [row for row in REPORTS if row["kind"] != "delayed"]
    reasons = [(row["reason"], found.reason) for row in failures if isinstance(found := verdict(row), Bounce)]
    assert sum(expected == got for expected, got in reasons) >= 0.88 * len(reasons)


def test_every_reason_has_its_line_in_the_page() -> None:
    page = (FOLDER.parent.parent.parent / "docs" / "bounces.md").read_text("utf-8")
    told = {row[1].strip().strip("`"): row[2].strip() for line in page.splitlines() if len(row := line.split("|")) == 6}
    assert {reason: told.get(reason) for reason in KIND_OF} == {reason: kind.value for reason, kind in KIND_OF.items()}


def test_an_absence_notice_of_a_null_sender_is_no_bounce() -> None:
    raw = (
        b"Return-Path: <>\nFrom: Postmaster <a@b.example>\nSubject: Out of office\n\n"
        b"I am away until 12 June. Mail cannot be delivered to me by phone, write to c@b.example.\n"
    )
    assert isinstance(judge(parse(raw), context()), Absence | AutoResponse)


def test_a_person_who_signs_as_postmaster_reports_nothing() -> None:
    raw = (
        b"Return-Path: <postmaster@b.example>\nFrom: Postmaster <postmaster@b.example>\nSubject: Your list\n\n"
        b"Several of your mails could not be delivered, the users are unknown here (550). Please clean up. Bea\n"
    )
    assert not isinstance(judge(parse(raw), context()), Bounce)
