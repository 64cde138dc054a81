"""A round through the folders of a mailbox: what a failure in one means for the others, and for how long we wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from unittest import mock

import pytest

from models.tables.mailboxes import Mailbox
from tests.worker.small_world import NOW
from worker.errors import MailboxError, Trouble
from worker.imap.folders import Folder
from worker.poll import go_round
from worker.reading.visit import Visit, Watch

A, B, C = "Alpha", "Beta", "Gamma"


def round_of(troubles: Mapping[str, Trouble], **watch: Any) -> tuple[list[str], Visit]:
    """Go through three folders; return which were read, and the visit."""
    read: list[str] = []

    def reads(_visit: Visit, folder: str, **_: Any) -> None:
        read.append(folder)
        if folder in troubles:
            raise MailboxError(f"{folder} failed", permanent=False, trouble=troubles[folder])

    imap = mock.Mock(**{"folders.return_value": [Folder(path, frozenset(), "", path.lower()) for path in (A, B, C)]})
    station = mock.Mock(watch=Watch(clock=lambda: NOW, **watch))
    visit = Visit(station, mock.Mock(), imap, read=reads)
    try:
        go_round(visit, Mailbox(folders=[A, B, C], read_junk=False, learn_sends=False))
    except MailboxError as error:
        return [*read, str(error)], visit
    return read, visit


@pytest.mark.parametrize(
    ("troubles", "read"),
    [
        ({}, [A, B, C]),
        ({A: Trouble.FOLDER}, [A, B, C, "Alpha failed"]),
        ({A: Trouble.FOLDER, B: Trouble.FOLDER}, [A, B, C, "Alpha failed"]),
        ({A: Trouble.UNAVAILABLE, B: Trouble.OTHER}, [A, B, C, "Alpha failed"]),
        # A folder that is never there must not hide that the connection broke, or that we ask too much.
        ({A: Trouble.FOLDER, B: Trouble.NETWORK}, [A, B, "Beta failed"]),
        ({A: Trouble.FOLDER, B: Trouble.THROTTLED}, [A, B, "Beta failed"]),
        ({A: Trouble.FOLDER, C: Trouble.BUDGET}, [A, B, C, "Gamma failed"]),
    ],
)
def test_the_failure_that_concerns_more_than_its_folder_is_told(
    troubles: Mapping[str, Trouble], read: list[str]
) -> None:
    assert round_of(troubles)[0] == read


def test_a_round_that_is_stopped_says_that_there_is_more() -> None:
    answers = iter([False, True])
    read, visit = round_of({}, stopping=lambda: next(answers))
    assert read == [A]
    assert visit.report.more
    read, visit = round_of({})
    assert not visit.report.more
