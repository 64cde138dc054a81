"""Messages understood side by side: the same as in turn, whatever happens to a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from tests.worker.small_world import BOX, NOW
from worker.desk import Desk
from worker.imap.fetched import FetchedMessage
from worker.reading import crew
from worker.reading.crew import Crew, Understanding, in_turn, side_by_side
from worker.writing.record import Judged

SETTINGS = Settings(batch_messages=20, backfill_processes=2)
ROOT = Path(__file__).parent.parent.parent
NOBODY: frozenset[str] = frozenset()
DESK = Desk(box=BOX, own_addresses=NOBODY, opt_out_aliases=NOBODY, authserv_ids=NOBODY, classifier=None)
DEADLY = b"Subject: the end\r\n\r\nof the process"

pytestmark = pytest.mark.xdist_group("crew")


class Deadly:
    """Judges nothing; stands for a mail that takes all memory, when it meets one."""

    def judge_many(self, replies: list[tuple[str, str, str | None]]) -> list[None]:
        if any("the end" in subject for subject, _, _ in replies):
            os.kill(os.getpid(), signal.SIGKILL)
        return [None for _ in replies]


WORDS = ("Please take me off your list.", "I am away until 3 August.", "What does it cost?", "")


def letter(number: int) -> bytes:
    head = (
        f"From: One <one{number}@client.example>\r\nSubject: Re: Question {number}\r\nMessage-ID: <{number}@there>\r\n"
    )
    return f"{head}\r\n{WORDS[number % len(WORDS)]}\r\n".encode()


def mails(count: int) -> list[FetchedMessage]:
    return [mail(number, letter(number)) for number in range(1, count + 1)]


def mail(uid: int, raw: bytes) -> FetchedMessage:
    return FetchedMessage(BOX.name, "INBOX", 1, uid, NOW + timedelta(seconds=uid), raw, len(raw))


def understood(by: Understanding, messages: list[FetchedMessage]) -> list[Judged]:
    pieces = (messages[at : at + by.most] for at in range(0, len(messages), by.most))
    return [judged for _, piece in by(DESK, pieces) for judged in piece]


@pytest.fixture
def deadly() -> Iterator[Crew]:
    made = Crew(2, 4, partial(crew.begin, Deadly(), "ERROR", "text"))  # type: ignore[arg-type]
    yield made
    made.close()


def test_side_by_side_the_same_is_understood_as_in_turn() -> None:
    messages = mails(60)
    with side_by_side(SETTINGS, None) as several:
        assert several.most < in_turn(SETTINGS).most + 1
        assert understood(several, messages) == understood(in_turn(SETTINGS), messages)


def test_where_there_is_little_no_process_is_started() -> None:
    made = Crew(2, 4, partial(crew.begin, None, "ERROR", "text"))
    assert len(understood(made, mails(8))) == 8
    assert not active_children()


def test_what_was_fetched_before_an_error_is_understood() -> None:
    def pieces() -> Iterator[list[FetchedMessage]]:
        yield mails(2)
        raise ConnectionError("gone")

    with side_by_side(SETTINGS, None) as several, closing(several(DESK, pieces())) as coming:
        assert len(next(coming)[1]) == 2
        with pytest.raises(ConnectionError, match="gone"):
            next(coming)


def test_with_one_cpu_everything_is_understood_in_this_process() -> None:
    with side_by_side(replace_processes(1), None) as alone:
        assert alone == in_turn(SETTINGS)


def test_in_hand_are_fewer_messages_than_the_settings_allow() -> None:
    for processes in (2, 3, 7):
        settings = replace_processes(processes)
        with side_by_side(settings, None) as several:
            assert several.most * (processes + crew.OTHERS - 1) < settings.batch_messages


def test_a_mail_that_ends_its_process_is_set_aside_and_every_other_is_understood(deadly: Crew) -> None:
    messages = mails(40)
    messages[17] = replace(messages[17], raw=DEADLY)
    found = understood(deadly, messages)
    assert [each.uid for each in found] == [each.uid for each in messages]
    assert [each.uid for each in found if each.error] == [18]
    assert found[17].raw == DEADLY


KILLED = """
import sys, time
from tests.worker.test_crew import DESK, SETTINGS, mails
from worker.reading.crew import side_by_side

if __name__ == "__main__":
    with side_by_side(SETTINGS, None) as several:
        for _ in several(DESK, iter([mails(4)] * 9)):
            print(*several._pool._processes, flush=True)
            time.sleep(60)
"""


def test_when_the_command_is_killed_its_processes_end(tmp_path: Path) -> None:
    program = tmp_path / "command.py"
    program.write_text(KILLED)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, program], env=environment, stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout is not None
        pids = [int(each) for each in command.stdout.readline().split()]
        command.kill()
    assert pids
    for pid in pids:
        wait_for_end(pid)


def wait_for_end(pid: int) -> None:
    """Return once the process is gone; the test's own limit ends it otherwise."""
    while Path(f"/proc/{pid}").exists() and "State:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        time.sleep(0.01)


def replace_processes(count: int) -> Settings:
    return SETTINGS.model_copy(update={"backfill_processes": count})


def test_processes_that_died_between_two_backfills_are_replaced(deadly: Crew) -> None:
    assert len(understood(deadly, mails(16))) == 16
    pool: Any = deadly._pool  # noqa: SLF001 - nobody else knows its processes
    for process in list(pool._processes.values()):  # noqa: SLF001 - the same
        process.kill()
        process.join()
    while not pool._broken:  # noqa: SLF001 - the same
        time.sleep(0.01)
    found = understood(deadly, mails(40))
    assert [each.uid for each in found] == list(range(1, 41))
    assert not [each for each in found if each.error]
    assert deadly._pool is not pool  # noqa: SLF001 - the same
