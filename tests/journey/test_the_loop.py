"""The loop: people correct what the machine thought, a new artifact learns it, and the running daemon takes it up."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.session import reading
from models.tables.learning import Label
from models.tables.mail import InboundMessage, VerdictRow
from tests.journey.world import NAME, World
from tests.servers import PrivateDovecot

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("training")]

REPLIES = {
    "Engaged": [
        "Which warehouse did you see us with? We have three.",
        "I passed this on to Wiebke, who looks after the vans.",
        "Fine, and who would install the shelves on a Sunday?",
        "Let me read the sheet first. I have questions about the ramps.",
        "We talked about this in spring, did we not? Remind me what it was.",
    ],
    "Interested": [
        "That is just what our night crew needs. Show us on Thursday at ten?",
        "Yes, send the contract over and we begin in June with twelve carts.",
        "Good timing. Please quote for two halls, we would like to order soon.",
        "I want to see it at work. When may we visit you?",
        "Count us in for the trial, and bring the small model along.",
    ],
    "Not Interested": [
        "We build our own carts and shall go on doing so. All the best.",
        "Too dear for a house of our size, so it is a no from us.",
        "We looked at it in the board and decided against it.",
        "Our landlord does not allow any of this. No, thank you.",
        "Nothing for us, our goods travel by boat.",
    ],
    "Auto Response": [
        "Thank you for your letter to the harbour office. It has the number 55-81 and is dealt with in turn.",
        "This box is not read by people. Use the form on our page.",
        "Welcome to the helpdesk of the mill. Your request was noted down; do not answer this message.",
        "Your message has reached the reception of the clinic. Opening hours are eight to four.",
        "We moved to a portal: messages to this address are deleted after a week.",
    ],
    "Out of Office": [
        "I am hiking without a telephone and read mail again from Monday the twelfth.",
        "Parental leave until autumn. Gregor takes my customers meanwhile.",
        "Our works are closed over the holidays, we are back on the second of January.",
        "Today I am at the fair all day and shall not see your message.",
        "On sick leave at present. In urgent cases ring the front desk.",
    ],
    "Unsubscribed": [
        "No more letters of this kind, please, to me or to the purchasing box.",
        "Strike this address from wherever you keep it.",
        "I have said it twice: I do not want your mails. Let that be the last one.",
        "Please see to it that nothing of yours arrives here any more.",
        "Forget this mailbox. You have no leave to write to it.",
    ],
}
CORRECTIONS = [(said, text) for said, texts in REPLIES.items() for text in texts]
LATER = "Would the blue one carry a piano up three floors?"


def address(number: int) -> str:
    return f"person{number}@customer{number}.example"


@pytest.fixture
def world(dovecot: PrivateDovecot, database_url: str, tmp_path: Any, imap_user: str) -> World:
    if not database_url.startswith("sqlite"):
        pytest.skip("training takes minutes, and one database shows as much as two")
    # Nothing is drawn at random: which mail that is would change with the hour.
    return World(dovecot, imap_user, database_url, tmp_path, {"INBOX_REVIEW_SHARE": "0"})


@pytest.fixture
def daemon(world: World) -> Iterator[Any]:
    with world.daemon() as process:
        yield process


def answer(world: World, number: int, text: str) -> None:
    """Let one person answer one mail of ours."""
    now = datetime.now(UTC)
    sent = {
        "campaign": "spring", "to": address(number), "message_ids": [f"m{number}@outreach.example"],
        "subject": "Carts for your hall", "sent_at": (now - timedelta(hours=2)).isoformat(),
    }  # fmt: skip
    world.import_sends([sent])
    raw = (
        f"From: {address(number)}\r\nTo: {NAME}\r\nSubject: Re: Carts for your hall\r\n"
        f"Message-ID: <a{number}@customer.example>\r\nIn-Reply-To: <m{number}@outreach.example>\r\n\r\n{text}\r\n"
    )
    world.server.deliver(world.user, raw.encode(), internaldate=now - timedelta(hours=1))


def correct(world: World, number: int, said: str) -> None:
    """Say what an answer is: with a status, or in review where it may ask for an end of the mail."""
    done = world.prepare("recipients", "set-status", address(number), said, check=False)
    if done.code:
        asked = re.search(r"inbox-worker review resolve (\d+) CLASS", done.err)
        assert asked, done.err
        world.prepare("review", "resolve", asked[1], said)


def verdicts(world: World) -> dict[str, tuple[str | None, dict[str, Any]]]:
    engine = world.engine()
    try:
        with reading(engine) as session:
            query = select(InboundMessage.from_address, VerdictRow).join(
                VerdictRow, VerdictRow.message_id == InboundMessage.id
            )
            return {sender or "": (row.artifact, row.details) for sender, row in session.execute(query)}
    finally:
        engine.dispose()


def labels(world: World) -> list[tuple[str, str]]:
    engine = world.engine()
    try:
        with reading(engine) as session:
            return [(row.label.value, row.text) for row in session.scalars(select(Label))]
    finally:
        engine.dispose()


def until(daemon: Any, met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not met():
        assert daemon.poll() is None, daemon.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.3)


def artifact_of_next(world: World, daemon: Any, number: int) -> str | None:
    """Let one more person answer, and return which artifact the daemon judged that with."""
    answer(world, number, LATER)
    until(daemon, lambda: address(number) in verdicts(world))
    return verdicts(world)[address(number)][0]


def test_thirty_corrections_become_an_artifact_that_the_running_daemon_uses_until_it_is_taken_back(
    world: World, daemon: Any
) -> None:
    for number, (_, text) in enumerate(CORRECTIONS):
        answer(world, number, text)
    until(daemon, lambda: len(verdicts(world)) == len(CORRECTIONS))
    assert artifact_of_next(world, daemon, 100) == "default"
    for number, (said, _) in enumerate(CORRECTIONS):
        correct(world, number, said)
    assert sorted(labels(world)) == sorted(CORRECTIONS)
    decided = verdicts(world)

    world.run("train", "--version", "spring", seconds=600)
    assert artifact_of_next(world, daemon, 101) == "default"

    gate = world.run("artifacts", "promote", "spring")
    assert "FAILS" not in gate.stdout
    assert "spring serves from now on" in gate.stdout
    assert artifact_of_next(world, daemon, 102) == "spring"

    world.run("artifacts", "rollback", "--why", "the journey ends here")
    assert artifact_of_next(world, daemon, 103) == "default"

    now = verdicts(world)
    assert {sender: now[sender] for sender in decided} == decided
    daemon.send_signal(signal.SIGTERM)
    _, err = daemon.communicate(timeout=60)
    assert (daemon.returncode, "Traceback" in err) == (0, False)
    assert "artifact spring is in service from here on" in err
