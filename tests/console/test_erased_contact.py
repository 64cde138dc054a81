"""Somebody who was erased, in the console: found by no word of the address, and told as what happened to nobody."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

import pytest
from sqlalchemy import select

from classifier.verdict import OptOut
from models.session import reading, transaction
from models.tables.mail import InboundMessage
from models.tables.people import Role
from tests.console.conftest import ANNA, BEN, Console
from tests.console.visiting import Browser
from tests.keys import VAULT
from tests.worker.small_world import NOW, a_mail, take_in
from worker.act import Act
from worker.privacy.erasure import erase
from worker.secrets.pseudonyms import carry
from worker.secrets.vault import Vault


@pytest.fixture
def name(console: Console) -> str:
    """Erase Anna after she opted out; return what stands in place of her address."""
    carry(console.engine, VAULT)
    take_in(console.engine, a_mail(OptOut(visible_text="Leave me be"), answers=("anna-1-1@us",), from_address=ANNA))
    with transaction(console.engine) as session:
        (found,) = erase(session, 1, ANNA, Act("petra", NOW, "asked by letter")).names
    return found


@pytest.fixture
def editor(browser: Browser) -> Browser:
    return browser.sign_in(Role.EDITOR)


def story(address: str) -> str:
    return f"/contacts/by/{quote(address, safe='')}"


def test_no_word_of_the_address_finds_anybody(name: str, editor: Browser) -> None:
    for path in ("/contacts?words=anna", "/recipients?words=anna", "/do-not-email?words=anna"):
        found = editor.page(path).css_first("#list")
        assert found is not None
        assert found.css_first("table") is None, path
    listed = editor.get("/contacts").text
    assert BEN in listed
    assert name in listed


def test_who_asks_by_the_address_learns_that_it_was_erased_and_no_more(name: str, editor: Browser) -> None:
    asked = editor.get(story(ANNA))
    assert asked.status_code == HTTPStatus.NOT_FOUND
    assert "was erased on request, 2026-05-14 by petra; all that is kept is that it may not be mailed" in asked.text
    assert name not in asked.text


def test_the_page_of_the_name_says_when_by_whom_and_why(name: str, editor: Browser) -> None:
    page = editor.get(story(name)).text
    assert "Erased on request" in page
    assert "by petra: asked by letter." in page
    assert "Leave me be" not in page
    assert ANNA not in page


@pytest.mark.usefixtures("name")
def test_an_erased_mail_says_that_it_is(console: Console, editor: Browser) -> None:
    with reading(console.engine) as session:
        message_id = session.scalars(select(InboundMessage.id)).one()
    page = editor.get(f"/messages/{message_id}").text
    assert "was erased on request; only that it was read is kept" in page
    assert "Leave me be" not in page
    assert f"/messages/{message_id}" in editor.get("/messages?state=erased").text


def test_the_check_answers_nobody_while_it_cannot_tell_who_was_erased(name: str, console: Console) -> None:
    asked = {"addresses": [ANNA, BEN]}
    told = console.ask("POST", "/v1/suppressions/check", console.token(), json=asked).json()
    assert [(each["address"], each["because"]) for each in told["suppressed"]] == [
        (ANNA, [{"target": name, "reason": "manual", "since": "2026-05-14T09:00:00Z"}])
    ]
    carry(console.engine, Vault())
    answer = console.ask("POST", "/v1/suppressions/check", console.token(name="other"), json=asked)
    assert answer.status_code == HTTPStatus.CONFLICT
    assert "nobody can tell who was erased and must not be mailed" in answer.json()["detail"]
