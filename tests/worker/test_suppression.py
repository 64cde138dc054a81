"""Who may not be mailed: what covers an address, for one and for very many, in one team alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from models.events import DneReason
from models.rows import bulk_insert
from models.session import reading, refresh_statistics, transaction
from models.tables.people import Team
from models.tables.standing import DneEntry
from tests.worker.small_world import NOW, furnish
from worker.act import Act
from worker.acts.do_not_email import add_dne, lift_dne
from worker.chunks import CHUNK
from worker.writing.book import covering
from worker.writing.suppression import Covering, is_suppressed, suppressed

ANNA = "anna@mail.client.example"


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    with transaction(engine) as session:
        session.add(Team(id=2, name="others"))
    return engine


def ban(engine: Engine, *targets: str, team_id: int = 1, days: int = 0) -> None:
    with transaction(engine) as session:
        add_dne(session, team_id, dict.fromkeys(targets), DneReason.MANUAL, Act("mila", NOW + timedelta(days=days)))


def covers(engine: Engine, address: str, team_id: int = 1) -> list[str]:
    with reading(engine) as session:
        found = suppressed(session, team_id, [address])
        assert is_suppressed(session, team_id, address) is bool(found)
        return [each.target for each in found.get(address, [])]


@pytest.mark.parametrize("target", [ANNA, "mail.client.example", "client.example"])
def test_an_address_is_covered_by_itself_its_domain_and_those_above(engine: Engine, target: str) -> None:
    ban(engine, target)
    assert covers(engine, ANNA) == [target]


@pytest.mark.parametrize("target", ["ben@mail.client.example", "ail.client.example", "www.mail.client.example"])
def test_what_only_looks_alike_covers_nobody(engine: Engine, target: str) -> None:
    ban(engine, target)
    assert covers(engine, ANNA) == []


def test_the_address_may_be_written_in_any_way_and_is_named_as_it_was_given(engine: Engine) -> None:
    ban(engine, ANNA, "xn--mnchen-3ya.example")
    given = ["Anna@MAIL.client.example", "info@münchen.example", "ben@client.example"]
    with reading(engine) as session:
        assert [*suppressed(session, 1, given)] == given[:2]
        assert is_suppressed(session, 1, given[0])


def test_everything_that_covers_is_told_with_its_reason(engine: Engine) -> None:
    ban(engine, "client.example")
    ban(engine, ANNA, days=1)
    with reading(engine) as session:
        assert suppressed(session, 1, [ANNA]) == {
            ANNA: [
                Covering(ANNA, DneReason.MANUAL, NOW + timedelta(days=1)),
                Covering("client.example", DneReason.DOMAIN, NOW),
            ]
        }


def test_a_lifted_entry_covers_nobody(engine: Engine) -> None:
    ban(engine, ANNA)
    with transaction(engine) as session:
        lift_dne(session, 1, ANNA, Act("mila", NOW))
    assert covers(engine, ANNA) == []


def test_an_entry_of_another_team_covers_nobody_here(engine: Engine) -> None:
    ban(engine, ANNA, "client.example", team_id=2)
    assert covers(engine, ANNA) == []
    assert covers(engine, ANNA, team_id=2) == [ANNA, "client.example"]


def many(engine: Engine, count: int) -> list[str]:
    addresses = [f"user{number}@firm{number % 1000}.example" for number in range(count)]
    columns = ("team_id", "target", "reason", "source", "since", "recorded_at")
    with transaction(engine) as session:
        rows = ((1, address, DneReason.IMPORT, "an import", NOW, NOW) for address in addresses[::2])
        bulk_insert(session, DneEntry.__table__, columns, rows)
    refresh_statistics(engine)
    return addresses


def test_one_address_is_looked_up_by_the_unique_index(engine: Engine) -> None:
    address = many(engine, 20_000)[0]
    explain, index = {
        "sqlite": ("EXPLAIN QUERY PLAN", "USING INDEX sqlite_autoindex_dne_entry_1 (team_id=? AND target=?)"),
        "postgresql": ("EXPLAIN", "uq_dne_entry_team_id_target_reason_source"),
    }[engine.dialect.name]
    asked: list[Any] = []
    with reading(engine) as session:
        event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
        assert is_suppressed(session, 1, address)
        # Whether anybody was ever erased, and then the address.
        (erasures, _), (query, values) = asked
        assert "erasure_key" in erasures
        plan = " ".join(str(row) for row in session.connection().exec_driver_sql(f"{explain} {query}", values))
    assert index in plan
    assert "Seq Scan" not in plan


def test_more_addresses_than_a_statement_takes_are_looked_up_together(engine: Engine) -> None:
    addresses = many(engine, 2 * CHUNK + 2)
    with reading(engine) as session:
        assert [*suppressed(session, 1, addresses)] == addresses[::2]


def test_a_name_longer_than_dns_allows_has_no_domains_above_it() -> None:
    domain = ".".join(["a"] * 127)
    assert len(covering(f"x@{domain}")) == 128
    assert covering(f"x@{domain}.b") == [f"x@{domain}.b"]
