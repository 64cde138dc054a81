"""The Do Not Email list at the terminal."""

from __future__ import annotations

import csv
from io import StringIO

import pytest

from models.tables.standing import DneEntry
from tests.worker.commanding import ANNA, BORIS, OPT_OUT, Commands
from worker.acts import dne_import


def targets(run: Commands, *words: str) -> list[str]:
    return [row["target"] for row in run.done("dne", "list", "--json", *words).rows]


def test_added_targets_ban_at_once(run: Commands) -> None:
    run.send(ANNA)
    said = run.done("dne", "add", "Anna@Client.example", "@shop.example", "--why", "asked on the phone")
    assert "2 targets are under Do Not Email; recipients changed: 1" in said.out
    assert "Active -> Removed" in said.out
    rows = run.done("dne", "list", "--json").rows
    assert [(row["target"], row["reason"], row["by"], row["note"]) for row in rows] == [
        (ANNA, "manual", "petra", "asked on the phone"),
        ("shop.example", "domain", "petra", "asked on the phone"),
    ]


def test_adding_twice_makes_one_entry(run: Commands) -> None:
    run.done("dne", "add", ANNA)
    run.done("dne", "add", ANNA, ANNA.upper())
    assert run.count(DneEntry) == 1


def test_a_public_mail_provider_needs_force(run: Commands) -> None:
    said = run("dne", "add", "gmail.com")
    assert said.code == 1
    assert "--force" in said.err
    run.done("dne", "add", "gmail.com", "--force")
    assert targets(run) == ["gmail.com"]


@pytest.mark.parametrize("target", ["nobody", "a b@c.example", "shop..example", "two@at@shop.example"])
def test_what_is_neither_address_nor_domain_is_refused(run: Commands, target: str) -> None:
    assert run("dne", "add", ANNA, target).code == 1
    assert run.count(DneEntry) == 0


def test_the_list_is_filtered_by_target_and_reason(run: Commands) -> None:
    run.done("dne", "add", ANNA, "shop.example")
    assert targets(run, "--target", "CLIENT") == [ANNA]
    assert targets(run, "--reason", "domain") == ["shop.example"]


def test_lifting_leaves_the_recipient_as_it_is_and_keeps_the_entry_in_the_history(run: Commands) -> None:
    run.send(ANNA)
    run.done("dne", "add", ANNA)
    assert "1 entry lifted" in run.done("dne", "remove", " Anna@client.example", "--why", "a mistake").out
    assert targets(run) == []
    (row,) = run.done("dne", "list", "--all", "--json").rows
    assert (row["lifted_by"], row["lifted_why"]) == ("petra", "a mistake")
    assert run.done("recipients", "list", "--all", "--json").rows[0]["status"] == "Removed"


def test_a_domain_is_lifted_the_way_it_was_written(run: Commands) -> None:
    run.done("dne", "add", "@Shop.example.")
    run.done("dne", "remove", "@Shop.example.")
    assert targets(run) == []


def test_lifting_an_opt_out_needs_a_reason(run: Commands) -> None:
    run.add_mailbox()
    run.receive(OPT_OUT, ANNA, run.send(ANNA))
    said = run("dne", "remove", ANNA)
    assert said.code == 1
    assert "needs a reason (--why)" in said.err
    run.done("dne", "remove", ANNA, "--why", "subscribed again in writing")


def test_lifting_what_is_not_banned_is_an_error(run: Commands) -> None:
    said = run("dne", "remove", ANNA)
    assert said.code == 1
    assert "has no live Do Not Email entry" in said.err


def test_signs_that_nobody_sees_are_neither_added_nor_lifted(run: Commands) -> None:
    for words in (("add", "an\x01na@client.example"), ("remove", "\udcff@client.example")):
        said = run("dne", *words)
        assert (said.code, "is neither an address nor a domain" in said.err) == (1, True)
    assert run.count(DneEntry) == 0


def test_a_plain_list_is_imported(run: Commands) -> None:
    run.send(BORIS)
    said = run.done("dne", "import", run.file("list.txt", f"# ours\n{ANNA}\n\nshop.example\n"))
    assert "2 targets are under Do Not Email; recipients changed: 1" in said.out
    rows = run.done("dne", "list", "--json").rows
    assert [(row["target"], row["reason"]) for row in rows] == [(ANNA, "import"), ("shop.example", "domain")]


@pytest.mark.parametrize(
    "text",
    [
        "address,note\nanna@client.example,old list\nboris@shop.example,\n",
        '\ufeffEmail;Note\n"anna@client.example";old list\nboris@shop.example;\n',
        "name,target,reason\nAnna,anna@client.example,old list\nBoris,boris@shop.example,\n",
    ],
    ids=["commas", "semicolons of a spreadsheet", "other columns"],
)
def test_csv_is_imported_with_its_notes(run: Commands, text: str) -> None:
    run.done("dne", "import", run.file("list.csv", text))
    rows = run.done("dne", "list", "--json").rows
    assert [(row["target"], row["note"]) for row in rows] == [(ANNA, "old list"), (BORIS, None)]


def test_every_bad_row_is_named_and_nothing_is_half_imported(run: Commands) -> None:
    said = run("dne", "import", run.file("list.csv", f"target\n{ANNA}\nnobody\ngmail.com\n"))
    assert said.code == 1
    assert "row 3: 'nobody' is neither an address nor a domain" in said.err
    assert "row 4: gmail.com is a public mail provider" in said.err
    assert "Nothing was imported" in said.err
    assert run.count(DneEntry) == 0


def test_good_rows_are_imported_without_the_bad_ones_where_that_is_wanted(run: Commands) -> None:
    path = run.file("list.csv", f"target\n{ANNA}\nnobody\n{ANNA}\n")
    said = run.done("dne", "import", path, "--skip-bad", "--report", str(run.folder / "bad.csv"))
    assert "2 targets are under Do Not Email; 1 of them known or given twice" in said.out
    assert "row 3: 'nobody' is neither" in said.err
    assert "bad rows left out: 1" in said.err
    assert (run.folder / "bad.csv").read_text().splitlines()[1].startswith("3,nobody,")
    assert targets(run) == [ANNA]


def test_an_import_counts_for_machines(run: Commands) -> None:
    run.send(ANNA)
    (row,) = run.done("dne", "import", run.file("list.txt", f"{ANNA}\n{BORIS}\n{ANNA}\n"), "--json").rows
    assert (row["new"], row["known"], row["changed"], len(row["changes"])) == (2, 1, 1, 1)


def test_a_public_suffix_needs_force(run: Commands) -> None:
    assert "a public suffix" in run("dne", "add", "co.uk").err
    run.done("dne", "add", "co.uk", "--force")
    assert targets(run) == ["co.uk"]


def test_a_file_without_targets_is_an_error(run: Commands) -> None:
    assert run("dne", "import", run.file("list.txt", "\n# nothing\n")).code == 1


def test_what_is_exported_can_be_imported(run: Commands) -> None:
    run.done("dne", "add", ANNA, "--why", 'said "no", twice')
    run.done("dne", "add", "shop.example", BORIS)
    run.done("dne", "remove", BORIS)
    exported = run.done("dne", "export").out
    rows = list(csv.DictReader(StringIO(exported)))
    assert [(row["target"], row["note"]) for row in rows] == [(ANNA, 'said "no", twice'), ("shop.example", "")]
    run.done("dne", "remove", ANNA)
    run.done("dne", "remove", "shop.example")
    run.done("dne", "import", run.file("again.csv", exported))
    assert targets(run) == [ANNA, "shop.example"]
    assert run.done("dne", "list", "--json").rows[0]["note"] == 'manual: said "no", twice'


def test_of_very_many_changes_the_first_are_shown_and_the_rest_counted(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    for campaign in ("spring", "summer", "autumn"):
        run.send(ANNA, campaign)
    monkeypatch.setattr(dne_import, "MOST_CHANGES", 2)
    said = run.done("dne", "add", ANNA)
    assert "recipients changed: 3" in said.out
    assert "only the first 2 changes are shown" in said.err


def test_a_reason_of_nothing_but_space_is_none(run: Commands) -> None:
    run.add_mailbox()
    run.receive(OPT_OUT, ANNA, run.send(ANNA))
    said = run("dne", "remove", ANNA, "--why", "  ")
    assert (said.code, "lifting that needs a reason" in said.err) == (1, True)
    run.done("dne", "remove", ANNA, "--why", " she wrote ")
    (row,) = run.done("dne", "list", "--all", "--json").rows
    assert row["lifted_why"] == "she wrote"
