"""Joining a campaign: who may, who is there already, and who is refused."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from models.events import DneReason, EventKind, SequenceState, Status
from models.session import reading, transaction
from models.tables.mailing import Campaign, Contact, Recipient
from models.tables.people import Team
from models.tables.standing import RecipientEvent
from tests.worker.small_world import HARD, NOW, RULES, a_mail, furnish, send_all, take_in
from worker.act import Act
from worker.acts.campaigns import put_campaign
from worker.acts.do_not_email import add_dne
from worker.acts.joining import Joined, join
from worker.acts.person import find_recipients, set_status
from worker.chunks import CHUNK
from worker.errors import InputError
from worker.rules import Rules

MILA = Act("mila", NOW, "from the fair")
ANNA = "anna@client.example"


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    with transaction(engine) as session:
        session.add(Team(id=2, name="others"))
        session.flush()
        session.add_all(
            [Campaign(id=7, team_id=1, key="spring", name="Spring"), Campaign(team_id=2, key="theirs", name="Theirs")]
        )
    return engine


def joined(engine: Engine, *addresses: str, campaign: str = "spring", rules: Rules = RULES) -> list[Joined]:
    with transaction(engine) as session:
        return join(session, rules, campaign, addresses, MILA)


def test_nobody_makes_a_campaign_of_those_that_stand_for_learnt_sends(engine: Engine) -> None:
    with transaction(engine) as session, pytest.raises(InputError, match="stand for sends learnt from a Sent folder"):
        put_campaign(session, 1, "learnt:mila@outreach.example", {})
    assert count(engine, Campaign) == 2


def states(found: list[Joined]) -> list[tuple[str, str]]:
    return [(each.address, each.state) for each in found]


def count(engine: Engine, model: type[Any]) -> int:
    with reading(engine) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_an_address_joins_and_its_sequence_runs(engine: Engine) -> None:
    assert joined(engine, "Anna@Client.example") == [Joined(ANNA, "joined", "joined the campaign")]
    with reading(engine) as session:
        recipient, event = session.scalars(select(Recipient)).one(), session.scalars(select(RecipientEvent)).one()
    assert (recipient.status, recipient.sequence, recipient.listed) == (Status.ACTIVE, SequenceState.RUNNING, True)
    assert (event.kind, event.actor, event.happened_at) == (EventKind.JOINED, "mila", NOW)
    assert event.because == ["mila added it to the campaign: from the fair"]


def test_joining_again_changes_nothing(engine: Engine) -> None:
    joined(engine, ANNA)
    (again,) = joined(engine, ANNA)
    assert (again.state, again.says) == ("known", "in the campaign already: Active, sequence running")
    assert count(engine, RecipientEvent) == 1


def test_an_address_given_twice_is_one_recipient_with_one_answer_for_each(engine: Engine) -> None:
    assert states(joined(engine, ANNA, " ANNA@client.example ")) == [(ANNA, "joined"), (ANNA, "joined")]
    assert count(engine, Recipient) == 1


@pytest.mark.parametrize("address", ["", "anna", "anna@", "a b@client.example", f"{'a' * 320}@client.example"])
def test_what_is_no_address_is_refused_and_the_others_join(engine: Engine, address: str) -> None:
    bad, good = joined(engine, address, ANNA)
    assert (bad.state, good.state) == ("refused", "joined")
    assert "is no address" in bad.says
    assert count(engine, Contact) == 1


@pytest.mark.parametrize("target", [ANNA, "client.example"])
def test_who_may_not_be_mailed_is_refused_with_the_reason(engine: Engine, target: str) -> None:
    with transaction(engine) as session:
        add_dne(session, 1, {target: None}, DneReason.MANUAL, MILA)
    (refused,) = joined(engine, ANNA)
    reason = "manual" if "@" in target else "domain"
    assert (refused.state, refused.says) == ("refused", f"under Do Not Email: {target}: {reason} since 2026-05-14")
    assert count(engine, Contact) == 0


def test_who_bounced_in_another_campaign_is_refused(engine: Engine) -> None:
    send_all(engine)
    take_in(engine, a_mail(HARD, answers=("anna-1-0@us",)))
    (refused,) = joined(engine, ANNA)
    assert "hard bounce since 2026-05-05" in refused.says


def test_who_left_the_list_comes_back_by_a_persons_word_alone(engine: Engine) -> None:
    joined(engine, ANNA)
    with transaction(engine) as session:
        (recipient,) = find_recipients(session, 1, ANNA)
        set_status(session, RULES, recipient, Status.REMOVED, MILA)
    (known,) = joined(engine, ANNA)
    assert known.state == "known"
    assert known.says.startswith("left the campaign: Removed; only a person's word")
    with reading(engine) as session:
        assert session.scalars(select(Recipient.listed)).one() is False


def test_a_campaign_that_is_not_there_is_an_error(engine: Engine) -> None:
    with pytest.raises(InputError, match="campaigns list"):
        joined(engine, ANNA, campaign="autumn")


def test_no_team_reaches_anothers_campaign_or_list(engine: Engine) -> None:
    with pytest.raises(InputError, match="no campaign 'theirs'"):
        joined(engine, ANNA, campaign="theirs")
    with transaction(engine) as session:
        add_dne(session, 1, {ANNA: None}, DneReason.MANUAL, MILA)
    theirs = joined(engine, ANNA, campaign="theirs", rules=Rules(team_id=2))
    assert states(theirs) == [(ANNA, "joined")]
    assert states(joined(engine, ANNA)) == [(ANNA, "refused")]


def test_more_than_a_statement_takes_join_together(engine: Engine) -> None:
    addresses = [f"user{number}@firm{number % 100}.example" for number in range(CHUNK + 1)]
    assert {each.state for each in joined(engine, *addresses)} == {"joined"}
    assert count(engine, RecipientEvent) == len(addresses)
