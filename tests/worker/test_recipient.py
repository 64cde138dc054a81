"""A recipient is shown as it stands after a correction, whatever the session has seen of it before."""

from __future__ import annotations

from sqlalchemy import Engine

from models.events import Status
from models.session import transaction
from models.tables.mailing import Recipient
from tests.worker.small_world import NOW, RULES, furnish, send_all
from worker.act import Act
from worker.acts.person import Choice, find_recipients
from worker.acts.recipient import correct, take_back


def test_a_recipient_that_was_read_before_is_shown_as_it_stands_now(engine: Engine) -> None:
    furnish(engine)
    send_all(engine)
    with transaction(engine) as session:
        (recipient_id,) = find_recipients(session, 1, "anna@client.example", "campaign-1")
        read_before = session.get_one(Recipient, recipient_id)
        row = correct(session, RULES, recipient_id, Choice(Status.BOUNCED), Act("petra", NOW))
        assert (row["status"], row["do_not_email"]) == ("Bounced", ["anna@client.example"])
        row = take_back(session, RULES, recipient_id, Act("petra", NOW))
        assert (row["status"], row["do_not_email"]) == ("Active", [])
        assert read_before.status is Status.ACTIVE
