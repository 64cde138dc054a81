"""Mail from files: every form, and when a mail without IMAP arrived."""

from __future__ import annotations

import mailbox
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from worker.errors import InputError
from worker.imap.arrival import NO_DATE, arrival
from worker.reading.files import as_fetched, eml_files, maildir_messages, mbox_messages

MAIL = b"From: anna@client.example\nSubject: hello\nDate: Mon, 04 May 2026 09:00:00 +0200\n\nYes.\nFrom here on.\n"


def test_a_folder_gives_every_file_but_json_lines_and_drops_the_from_line(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one").write_bytes(b"From anna@client.example Mon May  4 09:00:00 2026\n" + MAIL)
    (tmp_path / "two.eml").write_bytes(MAIL)
    (tmp_path / "labels.jsonl").write_text("{}\n")
    assert list(eml_files([tmp_path])) == [(str(tmp_path / "deep/one"), MAIL), (str(tmp_path / "two.eml"), MAIL)]


def test_a_missing_path_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        list(eml_files([tmp_path / "none"]))


def test_an_mbox_written_by_python_is_read_back(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "box")
    for number in range(3):
        box.add(MAIL.replace(b"hello", f"hello {number}".encode()))
    box.close()
    found = list(mbox_messages(tmp_path / "box"))
    assert [source for source, _ in found] == [f"{tmp_path}/box#{number}" for number in (1, 2, 3)]
    assert [raw.rstrip() for _, raw in found] == [
        MAIL.replace(b"hello", f"hello {number}".encode()).rstrip() for number in range(3)
    ]


def test_a_file_that_is_no_mbox_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "mail").write_bytes(MAIL)
    with pytest.raises(InputError, match="no mbox file"):
        list(mbox_messages(tmp_path / "mail"))


def test_a_maildir_is_read_with_its_folders(tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "box")
    box.add(MAIL)
    box.add_folder("replies").add(MAIL.replace(b"Yes", b"No"))
    assert sorted(raw for _, raw in maildir_messages(tmp_path / "box")) == sorted([MAIL, MAIL.replace(b"Yes", b"No")])
    with pytest.raises(InputError, match="no Maildir"):
        list(maildir_messages(tmp_path))


def test_arrival_is_the_topmost_received_date_else_date_else_long_ago() -> None:
    received = (
        b"Received: from a by b; Tue, 05 May 2026 10:00:00 +0000\n"
        b"Received: from c by a; Mon, 04 May 2026 10:00:00 +0000\n"
    )
    assert arrival(None, received + MAIL) == datetime(2026, 5, 5, 10, tzinfo=UTC)
    assert arrival(None, MAIL) == datetime(2026, 5, 4, 7, tzinfo=UTC)
    assert arrival(None, b"Subject: x\n\n") == NO_DATE


def test_a_date_that_no_calendar_has_is_no_arrival() -> None:
    edge = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9)))
    assert arrival(edge, MAIL) == datetime(2026, 5, 4, 7, tzinfo=UTC)
    endless = "9" * 30
    beyond = (f"Mon, 4 May {endless} 10:00:00 +0000", f"Mon, 4 May 2026 {endless}:00:00 +0000", f"{endless} May 2026")
    for date in ("Mon, 99 May 2026 10:00:00 +0000", "Fri, 31 Dec 9999 23:00:00 -0900", "yesterday", *beyond):
        assert arrival(None, f"Date: {date}\n\n".encode()) == NO_DATE


def test_an_arrival_without_a_zone_is_in_utc() -> None:
    assert arrival(datetime(2026, 5, 4, 7), MAIL) == datetime(2026, 5, 4, 7, tzinfo=UTC)  # noqa: DTZ001 - on purpose


def test_the_place_of_a_file_is_its_content() -> None:
    first, again, other = (as_fetched("box", "a.eml", raw) for raw in (MAIL, MAIL, MAIL + b"more"))
    assert first.uid == again.uid != other.uid
    assert 0 <= first.uid < 2**63


def test_a_file_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        list(mbox_messages(tmp_path))
