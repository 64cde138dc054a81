"""Long lists for Do Not Email: what is taken, what is left, who is concerned, and what others hear of it."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile

import pytest
from sqlalchemy import Engine, func, select

from models.events import DneReason
from models.session import reading, transaction
from models.tables.outside import EventType, OutboxEvent
from models.tables.people import Team
from models.tables.standing import DneEntry
from tests.worker.small_world import HARD, NOW, a_mail, furnish, send_all, statuses, take_in
from worker.act import Act
from worker.acts.dne_file import check
from worker.acts.dne_import import Banned, ban
from worker.acts.do_not_email import add_dne, dne_target, lift_dne
from worker.errors import InputError
from worker.sending.sends import ADDRESS

ANNA, BEN = "anna@client.example", "ben@client.example"


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    with transaction(engine) as session:
        session.add(Team(id=2, name="others"))
    send_all(engine)
    return engine


def act(minutes: int = 0, why: str | None = None) -> Act:
    return Act("mila", NOW + timedelta(minutes=minutes), why)


def imported(engine: Engine, *targets: str, team_id: int = 1, minutes: int = 0) -> Banned:
    with transaction(engine) as session:
        rows = [(target, f"row {number}") for number, target in enumerate(targets, 1)]
        return ban(session, team_id, rows, DneReason.IMPORT, act(minutes, "the old system"))


def live(engine: Engine) -> list[tuple[str, str, str | None]]:
    with reading(engine) as session:
        query = select(DneEntry).where(DneEntry.lifted_at.is_(None)).order_by(DneEntry.target, DneEntry.id)
        return [(entry.target, entry.reason.value, entry.note) for entry in session.scalars(query)]


def test_the_first_of_a_kind_counts_and_the_others_are_told(engine: Engine) -> None:
    banned = imported(engine, "x@shop.example", "shop.example", "x@shop.example")
    assert (banned.new, banned.known) == (2, 1)
    assert live(engine) == [("shop.example", "domain", "row 2"), ("x@shop.example", "import", "row 1")]


def test_what_a_person_or_an_import_added_and_is_live_stays_as_it_is(engine: Engine) -> None:
    with transaction(engine) as session:
        add_dne(session, 1, {ANNA: "by hand"}, DneReason.MANUAL, act())
    imported(engine, ANNA, BEN, minutes=1)
    banned = imported(engine, ANNA, BEN, minutes=2)
    assert (banned.new, banned.known) == (0, 2)
    assert live(engine) == [(ANNA, "manual", "by hand"), (BEN, "import", "row 2")]


def test_what_was_lifted_or_only_bounced_is_added(engine: Engine) -> None:
    imported(engine, ANNA)
    with transaction(engine) as session:
        lift_dne(session, 1, ANNA, act(1))
    take_in(engine, a_mail(HARD, answers=("ben-1-0@us",)))
    assert imported(engine, ANNA, BEN, minutes=2).new == 2


@pytest.mark.parametrize("target", [ANNA, "client.example", "example"])
def test_contacts_that_are_covered_change_at_once(engine: Engine, target: str) -> None:
    banned = imported(engine, target)
    removed = {address for (_, address), status in statuses(engine).items() if status == "Removed"}
    assert removed == ({ANNA} if "@" in target else {ANNA, BEN})
    assert banned.changed == len(banned.changes) == 2 * len(removed)


def test_a_domain_that_only_ends_alike_concerns_nobody(engine: Engine) -> None:
    assert imported(engine, "lient.example", "www.client.example").changed == 0


def test_other_systems_hear_of_every_new_entry_once(engine: Engine) -> None:
    imported(engine, ANNA, "shop.example", ANNA)
    imported(engine, ANNA, minutes=1)
    with reading(engine) as session:
        query = select(OutboxEvent).where(OutboxEvent.type == EventType.DNE_ADDED).order_by(OutboxEvent.id)
        told = [(each.team_id, each.subject, each.payload) for each in session.scalars(query)]
    since = NOW.isoformat()
    assert told == [
        (1, ANNA, {"target": ANNA, "reason": "import", "since": since, "by": "mila", "note": "row 1"}),
        (1, "shop.example",
         {"target": "shop.example", "reason": "domain", "since": since, "by": "mila", "note": "row 2"}),
    ]  # fmt: skip


def test_other_systems_hear_of_a_lift(engine: Engine) -> None:
    imported(engine, ANNA)
    with transaction(engine) as session:
        lift_dne(session, 1, ANNA, act(1, "she asked"))
    with reading(engine) as session:
        told = session.scalars(select(OutboxEvent).where(OutboxEvent.type == EventType.DNE_LIFTED)).one()
    assert (told.subject, told.payload) == (
        ANNA, {"target": ANNA, "reasons": ["import"], "by": "mila", "why": "she asked"}
    )  # fmt: skip


def test_a_failure_leaves_nothing_behind_and_the_next_import_works(engine: Engine) -> None:
    def rows() -> object:
        yield ANNA, None
        raise KeyError

    with pytest.raises(KeyError), transaction(engine) as session:
        ban(session, 1, rows(), DneReason.IMPORT, act())  # type: ignore[arg-type]
    assert live(engine) == []
    assert imported(engine, ANNA).new == 1


def test_no_team_reaches_anothers_list_or_contacts(engine: Engine) -> None:
    banned = imported(engine, ANNA, "client.example", team_id=2)
    assert (banned.new, banned.changed) == (2, 0)
    assert set(statuses(engine).values()) == {"Active"}
    with transaction(engine) as session, pytest.raises(InputError, match="no live Do Not Email entry"):
        lift_dne(session, 1, ANNA, act(1))
    assert imported(engine, ANNA).new == 1
    with reading(engine) as session:
        query = select(OutboxEvent.team_id, func.count()).where(OutboxEvent.type == EventType.DNE_ADDED)
        teams = session.execute(query.group_by(OutboxEvent.team_id).order_by(OutboxEvent.team_id))
        assert [tuple(row) for row in teams] == [(1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (" Anna@Client.Example ", "anna@client.example"),
        ("@Shop.example.", "shop.example"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("info@Bücher.example", "info@xn--bcher-kva.example"),
        ("a_b.shop.example", "a_b.shop.example"),
        ("shop.co.uk", "shop.co.uk"),
        ("someone.github.io", "someone.github.io"),
    ],
)
def test_a_target_has_one_form(text: str, target: str) -> None:
    assert dne_target(text) == target


@pytest.mark.parametrize(
    "text", ["co.uk", "CO.UK.", "com", "github.io", "公司.cn", "xn--55qx5d.cn", "gmail.com", "foo.ck"]
)
def test_a_domain_of_many_strangers_needs_force(text: str) -> None:
    with pytest.raises(InputError, match="strangers would be banned; --force"):
        dne_target(text)
    assert dne_target(text, force=True)


@pytest.mark.parametrize(
    "text",
    ["", "@", "nobody", "a b.example", "shop..example", ".shop.example", "-a.example", f"{'a' * 64}.example", "é@",
     f"{'a.' * 130}example", f"{'a' * 320}@shop.example", "two@at@shop.example", "sn☃w.example", "\0.example",
     "an\0na@shop.example", "an\x01na@shop.example", "anna\x85@shop.example", "anna\u200b@shop.example",
     "\ud800@shop.example", "anna@shop.exam\x7fple"],
)  # fmt: skip
def test_what_is_no_target_is_refused_even_with_force(text: str) -> None:
    with pytest.raises(InputError, match=r"is neither an address nor a domain|is no address"):
        dne_target(text, force=True)


@pytest.mark.parametrize("text", ["an\0na@shop.example", "\ud800@shop.example", "\0.example"])
def test_what_no_database_can_keep_is_not_lifted_either(engine: Engine, text: str) -> None:
    with transaction(engine) as session, pytest.raises(InputError, match="no database can keep it"):
        lift_dne(session, 1, text, act(1))


@pytest.mark.parametrize("sign", ["\0", "\x01", "\x1f", "\x7f", "\x9f", "\ud800"])
def test_no_address_holds_control_characters(sign: str) -> None:
    assert ADDRESS.fullmatch("anna@shop.example")
    for address in (f"an{sign}na@shop.example", f"anna@sh{sign}op.example", f"anna@shop.exam{sign}ple"):
        assert not ADDRESS.fullmatch(address)


def test_a_file_is_checked_row_by_row_and_its_good_rows_wait(tmp_path: Path) -> None:
    path, report = tmp_path / "list.csv", tmp_path / "bad.csv"
    bad = [f"bad {number}" for number in range(30)]
    path.write_text("email,reason,note\n" + "\n".join([f"{ANNA},asked,twice", *bad, "shop.example,", ",only a note"]))
    with TemporaryFile("w+", newline="") as spool, report.open("w") as complaints:
        checked = check(path, spool, report=complaints)
        assert [*checked.rows()] == [(ANNA, "asked: twice"), ("shop.example", None)]
    assert (checked.good, checked.bad, len(checked.problems)) == (2, 31, 20)
    assert str(checked).endswith("\n... and 11 more")
    rows = list(csv.DictReader(report.read_text().splitlines()))
    assert len(rows) == 31
    assert rows[0] == {"row": "3", "value": "bad 0", "problem": "'bad 0' is neither an address nor a domain"}


def test_empty_rows_of_a_table_are_no_rows_and_each_keeps_the_number_of_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.acts.dne_file.EVERY", 2)
    path, read = tmp_path / "list.csv", list[int]()
    path.write_text(f"email\n\n{ANNA}\n\nbad\n{BEN}\n")
    with TemporaryFile("w+", newline="") as spool:
        checked = check(path, spool, progress=read.append)
    assert (checked.good, checked.problems) == (2, [f"{path}, row 5: 'bad' is neither an address nor a domain"])
    assert read == [2]


def test_a_reason_and_a_note_that_are_long_together_are_kept(tmp_path: Path) -> None:
    path, long = tmp_path / "list.csv", "ж" * 100_000
    path.write_text(f"email,reason,note\n{ANNA},{long},{long}\n", encoding="utf-8")
    with TemporaryFile("w+", newline="", encoding="ascii") as spool:
        assert [*check(path, spool).rows()] == [(ANNA, f"{long}: {long}")]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'email\n"' + b"x" * 200_000 + b'"\n'])
def test_a_file_that_is_no_list_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with TemporaryFile("w+", newline="") as spool, pytest.raises(InputError, match="cannot be read"):
        check(path, spool)
