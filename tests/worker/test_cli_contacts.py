"""One person with two addresses, at the terminal."""

from __future__ import annotations

from tests.worker.commanding import ANNA, OPT_OUT, Commands

HOME = "anna@home.example"


def test_a_second_address_is_shown_banned_and_split_again(run: Commands) -> None:
    run.add_mailbox()
    run.receive(OPT_OUT, ANNA, run.send(ANNA))
    said = run.done("contacts", "merge", ANNA, HOME, "--why", "same signature")
    assert said.out == f"{ANNA} and {HOME} are the same person; recipients changed: 0\n"
    shown = run.done("recipients", "show", HOME).out
    assert shown.startswith(ANNA)
    assert HOME in shown
    assert {row["target"] for row in run.done("dne", "list", "--json").rows} == {ANNA, HOME}
    assert "needs a reason (--why)" in run("contacts", "split", ANNA, HOME).err
    assert run.done("contacts", "split", ANNA, HOME, "--why", "two persons", "--json").rows == [{"changes": []}]
    assert [row["target"] for row in run.done("dne", "list", "--json").rows] == [ANNA]


def test_whose_address_it_is_already_is_said(run: Commands) -> None:
    run.send(ANNA)
    run.send("ben@client.example")
    run.done("contacts", "merge", ANNA, HOME)
    said = run("contacts", "merge", "ben@client.example", HOME)
    assert said.code == 1
    assert f"{HOME} is another address of {ANNA} already" in said.err
