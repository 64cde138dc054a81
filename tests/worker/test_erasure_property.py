"""Whatever happens before and after an erasure: nobody mails the person again, and the figures of campaigns stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from models.events import DneReason, SequenceState
from models.session import open_engine, reading, transaction
from models.tables.mailing import Campaign, Contact, Recipient, SecondAddress
from models.tables.standing import DneEntry
from tests.keys import VAULT
from tests.worker.small_world import NOW, RULES
from tests.worker.test_all_causes import SENDS, Work, acts, address, causes, furnished, let_time_pass
from worker.act import Act
from worker.acts.do_not_email import add_dne
from worker.acts.joining import join
from worker.errors import NotFoundError
from worker.privacy.erasure import erase
from worker.secrets.pseudonyms import carry
from worker.sending.sends import import_sends
from worker.writing.suppression import erased, suppressed

ANNA = address("anna")
ACT = Act("petra", NOW, "asked by letter")


def erase_anna(engine: Engine) -> None:
    with transaction(engine) as session:
        erase(session, 1, ANNA, ACT)


def ban_anna(engine: Engine) -> None:
    with transaction(engine) as session:
        add_dne(session, 1, {ANNA: None}, DneReason.MANUAL, ACT)


def send_all(engine: Engine) -> None:
    with transaction(engine) as session:
        import_sends(session, RULES, SENDS, NOW)


def may_be_mailed(engine: Engine) -> bool:
    """Ask whether anything would let the address be mailed: the check, a campaign that runs, or the address itself."""
    with transaction(engine) as session:
        known = erased(session, 1, [ANNA]).values()
        states = session.scalars(
            select(Recipient.sequence)
            .join(Contact, Contact.id == Recipient.contact_id)
            .where(Contact.address.in_((ANNA, *known)))
        )
        stored = session.scalars(
            select(Contact.address).union(select(DneEntry.target), select(SecondAddress.address))
        ).all()
        (joined,) = join(session, RULES, "campaign-1", [ANNA], ACT)
        return (
            not suppressed(session, 1, [ANNA])
            or any(each is not SequenceState.ENDED for each in states)
            or ANNA in stored
            or joined.state != "refused"
        )


def figures(engine: Engine) -> Counter[tuple[str, str, str, bool]]:
    """Return what campaigns count: how many stand where, whoever they are."""
    query = select(Campaign.key, Recipient.status, Recipient.sequence, Recipient.listed)
    with reading(engine) as session:
        rows = session.execute(query.join(Campaign, Campaign.id == Recipient.campaign_id))
        return Counter((key, status.value, sequence.value, listed) for key, status, sequence, listed in rows)


def happen(engine: Engine, works: Sequence[Work]) -> None:
    for work in works:
        try:
            work(engine)
        except (NotFoundError, ValueError):
            # A person who looks for the address finds nobody by it.
            continue


def world(template: Path, folder: str, name: str) -> Engine:
    copyfile(template, f"{folder}/{name}.sqlite")
    engine = open_engine(f"sqlite:///{folder}/{name}.sqlite")
    carry(engine, VAULT)
    furnished(engine)
    return engine


HISTORIES = st.lists(st.one_of(causes(NOW), causes(NOW), acts(), st.just(send_all)), max_size=6)
QUIET = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate],
)


@QUIET
@example(before=[send_all], after=[send_all])
@given(before=HISTORIES, after=st.lists(st.one_of(causes(NOW), st.just(send_all)), max_size=5))
def test_who_was_erased_is_never_mailed_again(sqlite_template: Path, before: list[Work], after: list[Work]) -> None:
    with TemporaryDirectory() as folder:
        engine = world(sqlite_template, folder, "erased")
        happen(engine, [send_all, *before, erase_anna])
        assert not may_be_mailed(engine)
        for work in after:
            happen(engine, [work])
            assert not may_be_mailed(engine)
        let_time_pass(engine)
        assert not may_be_mailed(engine)
        engine.dispose()


@QUIET
@given(before=HISTORIES)
def test_an_erasure_changes_of_the_figures_only_what_a_ban_does(sqlite_template: Path, before: list[Work]) -> None:
    with TemporaryDirectory() as folder:
        engines = [world(sqlite_template, folder, name) for name in ("erased", "banned")]
        for engine, last in zip(engines, (erase_anna, ban_anna), strict=True):
            happen(engine, [send_all, *before])
            last(engine)
        assert figures(engines[0]) == figures(engines[1])
        for engine in engines:
            let_time_pass(engine)
        assert figures(engines[0]) == figures(engines[1])
        for engine in engines:
            engine.dispose()
