"""The Do Not Email page: adding, lifting, importing with a look before, exporting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

from classifier.verdict import OptOut
from console import files
from console.views import do_not_email
from models.session import DatabaseUnavailable
from models.tables.people import Role
from tests.console.conftest import ANNA, OURS, THEIRS, Console
from tests.console.visiting import Browser
from tests.worker.small_world import a_mail, take_in

LIST = b"email,reason\nanna@client.example,an older system\nnonsense\nben@client.example,\n"


def targets(browser: Browser, path: str = "/do-not-email") -> list[str]:
    return [row.css_first("th").text(strip=True) for row in browser.page(path).css("tbody tr")]


def test_an_address_and_a_domain_are_banned_and_show_up(console: Console, browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    said = browser.said("/do-not-email/add", {"targets": "anna@client.example, rival.example", "why": "they asked"})
    assert said == "2 added to Do Not Email; 2 recipients changed."
    assert (console.status("anna@client.example"), console.status("ben@client.example")) == ("Removed", "Active")
    assert [each.partition("they asked")[0] for each in targets(browser)] == [
        "rival.exampledomain",
        "anna@client.example",
    ]


def test_a_reason_is_told_in_plain_words(console: Console, browser: Browser) -> None:
    take_in(console.engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    browser.sign_in(Role.VIEWER)
    (row,) = browser.page("/do-not-email").css("tbody tr")
    assert "Belongs to our mail by its Message-ID (anna-1-0@us)" in row.css_first(".sub").text()


def test_words_find_entries_and_what_was_lifted_only_when_asked_for(browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    browser.done("/do-not-email/add", {"targets": "anna@client.example mia@other.example"})
    assert targets(browser, "/do-not-email?words=cli") == ["anna@client.example"]
    (form,) = browser.page("/do-not-email?words=cli").css("form[action='/do-not-email/remove']")
    fields = {str(e.attributes["name"]): str(e.attributes["value"]) for e in form.css("input[type=hidden]")}
    assert "1 entry lifted" in browser.said("/do-not-email/remove", fields | {"why": "a mistake"})
    assert targets(browser, "/do-not-email?words=cli") == []
    (row,) = browser.page("/do-not-email?words=cli&past=yes").css("tbody tr")
    assert "by editor-1@people.example: a mistake" in row.text()


def test_a_provider_of_many_strangers_is_banned_only_by_force(browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    refused = browser.post("/do-not-email/add", {"targets": "gmail.com"})
    assert (refused.status_code, "strangers would be banned" in refused.text) == (409, True)
    assert "1 added" in browser.said("/do-not-email/add", {"targets": "gmail.com", "force": "yes"})


def test_a_file_is_looked_at_before_anybody_is_banned(console: Console, browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    seen = browser.done("/do-not-email/import", files={"file": ("old.csv", LIST)})
    assert [each.text() for each in seen.css(".figure .value")] == ["2", "1"]
    assert "old.csv, row 3" in seen.css_first(".because").text()
    assert targets(browser) == []
    form = seen.css_first("form[action^='/do-not-email/import/']")
    action = str(form.attributes["action"])
    assert "2 added" in browser.said(action)
    assert console.status("ben@client.example") == "Removed"
    assert browser.post(action).status_code == 409, "the file is forgotten"


def test_a_file_of_another_team_is_not_found(console: Console, browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    seen = browser.done("/do-not-email/import", files={"file": ("old.csv", LIST)})
    action = str(seen.css_first("form[action^='/do-not-email/import/']").attributes["action"])
    others = Browser(console).sign_in(Role.EDITOR, THEIRS)
    assert others.post(action).status_code == 409
    assert "2 added" in browser.said(action)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"email\n"])
def test_a_file_that_is_none_is_told_by_its_name(browser: Browser, content: bytes) -> None:
    browser.sign_in(Role.EDITOR)
    answer = browser.post("/do-not-email/import", files={"file": ("<odd>.csv", content)})
    assert answer.status_code == 409
    assert "&lt;odd&gt;.csv" in answer.text


def test_what_is_exported_can_be_imported(browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    browser.done("/do-not-email/add", {"targets": "=cmd@client.example", "why": "=1+1"})
    file = browser.get("/do-not-email/export")
    assert file.headers["content-disposition"] == 'attachment; filename="do-not-email.csv"'
    seen = browser.done("/do-not-email/import", files={"file": ("again.csv", file.content)})
    assert "0 added to Do Not Email; 1 were known already" in browser.said(
        str(seen.css_first("form[action^='/do-not-email/import/']").attributes["action"])
    )


def test_viewers_see_the_list_and_nothing_to_change_it_with(browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    browser.done("/do-not-email/add", {"targets": "anna@client.example"})
    browser.sign_in(Role.VIEWER)
    assert targets(browser) == ["anna@client.example"]
    assert not browser.page("/do-not-email").css("main form[method=post]")


def test_an_entry_that_the_page_did_not_show_is_not_lifted(console: Console, browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    browser.done("/do-not-email/add", {"targets": ANNA})
    form = browser.page("/do-not-email").css_first("form[action='/do-not-email/remove']")
    fields = {str(e.attributes["name"]): str(e.attributes["value"]) for e in form.css("input[type=hidden]")}
    take_in(console.engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    told = browser.post("/do-not-email/remove", fields | {"why": "a mistake"})
    assert (told.status_code, "a newer Do Not Email entry" in told.text) == (409, True)
    newest, older = browser.page("/do-not-email").css("form[action='/do-not-email/remove'] input[name=seen]")
    assert newest.attributes["value"] == older.attributes["value"] != fields["seen"]
    (why,) = browser.page("/do-not-email?reason=manual").css("form[action='/do-not-email/remove'] input[name=why]")
    assert "required" in why.attributes, "lifting the manual entry lifts the opt-out with it"


def test_a_reason_that_there_is_none_of_is_refused(browser: Browser) -> None:
    browser.sign_in(Role.VIEWER)
    assert browser.get("/do-not-email?reason=nonsense").status_code == 422
    assert browser.get("/do-not-email?reason=").status_code == browser.get("/do-not-email?reason=manual").status_code


def test_signs_that_nobody_sees_are_bad_rows_and_lift_nothing(browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    seen = browser.done(
        "/do-not-email/import", files={"file": ("odd.csv", b"email\nan\x01na@x.example\n\x00@x.example")}
    )
    assert [each.text() for each in seen.css(".figure .value")] == ["0", "2"]
    for path, field in (("add", "targets"), ("remove", "target")):
        told = browser.post(f"/do-not-email/{path}", {field: "an\0na@x.example"})
        assert (told.status_code, "neither an address nor a domain" in told.text) == (409, True)


def test_an_import_that_is_done_is_said_to_be_whatever_comes_of_the_statistics(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[int] = []

    def fails(_: Engine) -> None:
        asked.append(1)
        raise DatabaseUnavailable("the server is gone")

    monkeypatch.setattr(files, "refresh_statistics", fails)
    browser.sign_in(Role.EDITOR)
    for large, refreshed in ((2, 0), (1, 1)):
        monkeypatch.setattr(files, "LARGE", large)
        content = f"email\na@{large}.example\nb@{large}.example\n".encode()
        seen = browser.done("/do-not-email/import", files={"file": ("new.csv", content)})
        assert "2 added" in browser.said(str(seen.css_first("form[action*='/import/']").attributes["action"]))
        assert len(asked) == refreshed
    assert "the server is gone" in caplog.text


def test_a_slow_reader_of_the_export_keeps_no_transaction_open(console: Console, browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    browser.done("/do-not-email/add", {"targets": ANNA})
    office: Any = SimpleNamespace(engine=console.engine)
    visitor: Any = SimpleNamespace(team_id=OURS)
    pool: Any = console.engine.pool

    async def read() -> str:
        answer: Any = do_not_email.export(office, visitor)
        pieces = [await anext(answer.body_iterator)]
        assert pool.checkedout() == 0
        return "".join(pieces + [piece async for piece in answer.body_iterator])

    assert ANNA in asyncio.run(read())


def test_programs_add_list_and_lift_entries(console: Console) -> None:
    token = console.token(OURS, "crm", ["edit"])
    asked = {"targets": ["Anna@Client.example", "rival.example"], "why": "they asked"}
    assert console.ask("POST", "/v1/do-not-email", token, json=asked).json() == {"new": 2, "known": 0, "changed": 2}
    first = console.ask("GET", "/v1/do-not-email?limit=1", token).json()
    assert [row["target"] for row in first["rows"]] == ["rival.example"]
    rest = console.ask("GET", f"/v1/do-not-email?limit=1&after={first['next']}", token).json()
    assert ([row["target"] for row in rest["rows"]], rest["next"]) == (["anna@client.example"], None)
    looked_at = {"target": "rival.example", "seen": first["rows"][0]["id"] - 1}
    late = console.ask("POST", "/v1/do-not-email/lift", token, json=looked_at)
    assert (late.status_code, "newer Do Not Email entry" in late.json()["detail"]) == (409, True)
    lifted = console.ask("POST", "/v1/do-not-email/lift", token, json={"target": "rival.example"})
    assert lifted.json() == {"lifted": 1}
    assert console.ask("GET", "/v1/do-not-email?after=broken", token).status_code == 409


@pytest.mark.parametrize("typed", [" ;, ", "a@b.example " * 1_001])
def test_nothing_or_too_much_typed_is_refused(browser: Browser, typed: str) -> None:
    answer = browser.sign_in(Role.EDITOR).post("/do-not-email/add", {"targets": typed})
    assert (answer.status_code, "type 1 to 1000 addresses and domains" in answer.text) == (409, True)
    assert targets(browser) == []


def test_an_export_that_fails_on_the_way_keeps_no_file_open(console: Console) -> None:
    def broken(_: object) -> Iterator[str]:
        yield "target,reason"
        raise DatabaseUnavailable("it is gone")

    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            files.download(console.engine, "x.csv", "text/csv", broken)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_reason_of_nothing_but_space_is_none(console: Console) -> None:
    take_in(console.engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    token = console.token(OURS, "crm", ["edit"])
    answer = console.ask("POST", "/v1/do-not-email/lift", token, json={"target": ANNA, "why": "  "})
    assert (answer.status_code, "opted out" in answer.json()["detail"]) == (409, True)
