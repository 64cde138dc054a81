"""Tokens of other systems: shown once, kept as a hash, revoked at once, each for one team."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from models.session import reading, transaction
from models.tables.outside import ApiToken
from tests.worker.commanding import Commands
from worker.act import Act
from worker.errors import InputError
from worker.people.api_tokens import add_token, find_caller


def caller(run: Commands, token: str) -> str | None:
    with run.database() as engine, reading(engine) as session:
        found = find_caller(session, token)
        return f"{found.team_id} {found.name}" if found else None


def test_a_token_signs_in_until_it_is_revoked(run: Commands) -> None:
    token = run.done("tokens", "add", "crm").out.strip()
    assert token.startswith("iw_")
    assert len(token) > 40
    assert caller(run, token) == "1 crm"
    assert caller(run, token[:-1]) is None
    run.done("tokens", "revoke", "crm")
    assert caller(run, token) is None
    (row,) = run.done("tokens", "list", "--json").rows
    assert (row["name"], row["added_by"], bool(row["revoked"])) == ("crm", "petra", True)


def test_only_a_hash_is_kept_and_nothing_shows_the_token_again(run: Commands) -> None:
    token = run.done("tokens", "add", "crm", "--json").rows[0]["token"]
    with run.database() as engine, reading(engine) as session:
        kept = session.scalars(select(ApiToken)).one()
    assert token not in str(vars(kept))
    assert token not in run.done("tokens", "list").out


def test_a_name_in_use_is_refused_and_free_again_after_a_revocation(run: Commands) -> None:
    first = run.done("tokens", "add", "crm").out.strip()
    assert "in use" in run("tokens", "add", "crm").err
    run.done("tokens", "revoke", "crm")
    second = run.done("tokens", "add", "crm").out.strip()
    assert (caller(run, first), caller(run, second)) == (None, "1 crm")


def test_teams_have_tokens_of_their_own(run: Commands) -> None:
    run.add_mailbox("x@theirs.example", "--team", "theirs")
    theirs = run.done("tokens", "add", "crm", "--team", "theirs").out.strip()
    ours = run.done("tokens", "add", "crm").out.strip()
    assert (caller(run, theirs), caller(run, ours)) == ("1 crm", "2 crm")
    run.done("tokens", "revoke", "crm")
    assert caller(run, theirs) == "1 crm"
    assert [row["revoked"] for row in run.done("tokens", "list", "--team", "theirs", "--json").rows] == [None]


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb"])
def test_a_name_that_is_none_is_refused(run: Commands, name: str) -> None:
    assert "name of a token" in run("tokens", "add", name).err


def test_revoking_what_is_not_there_says_so(run: Commands) -> None:
    assert "no token 'crm'" in run("tokens", "revoke", "crm").err


def test_a_token_serves_the_sending_side_unless_other_scopes_are_wished(run: Commands) -> None:
    plain = run.done("tokens", "add", "crm").out.strip()
    wide = run.done("tokens", "add", "board", "--scope", "edit", "--scope", "view", "--scope", "edit").out.strip()
    assert (scopes(run, plain), scopes(run, wide)) == ({"sending"}, {"view", "edit"})
    assert [row["scopes"] for row in run.done("tokens", "list", "--json").rows] == [["sending"], ["view", "edit"]]
    assert "view; edit" in run.done("tokens", "list").out


def test_a_scope_that_is_none_is_refused(run: Commands) -> None:
    assert "'sending', 'view', 'edit', 'teach', 'admin'" in run("tokens", "add", "crm", "--scope", "root").err
    run.done("tokens", "list")
    with run.database() as engine, transaction(engine) as session:
        for wanted in ([], ["view", "root"]):
            with pytest.raises(InputError, match="only these: sending, view, edit, teach, admin"):
                add_token(session, 1, "crm", Act("petra", datetime.now(UTC)), wanted)


def scopes(run: Commands, token: str) -> frozenset[str]:
    with run.database() as engine, reading(engine) as session:
        found = find_caller(session, token)
        assert found
        return found.scopes
