"""The Do Not Email page: adding, lifting, importing with a look before, exporting."""

from __future__ import annotations

import pytest

from console import uploads
from models.people import Role
from tests.console.conftest import OURS, THEIRS, Console
from tests.console.visiting import Browser

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


def test_words_find_entries_and_what_was_lifted_only_when_asked_for(browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    browser.done("/do-not-email/add", {"targets": "anna@client.example mia@other.example"})
    assert targets(browser, "/do-not-email?words=cli") == ["anna@client.example"]
    assert "1 entry lifted" in browser.said(
        "/do-not-email/remove", {"target": "anna@client.example", "why": "a mistake"}
    )
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


def test_old_files_are_forgotten(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.sign_in(Role.EDITOR)
    seen = browser.done("/do-not-email/import", files={"file": ("old.csv", LIST)})
    action = str(seen.css_first("form[action^='/do-not-email/import/']").attributes["action"])
    monkeypatch.setattr(uploads, "KEPT_SECONDS", -1)
    browser.done("/do-not-email/import", files={"file": ("new.csv", LIST)})
    assert browser.post(action).status_code == 409


def test_programs_add_list_and_lift_entries(console: Console) -> None:
    token = console.token(OURS, "crm", ["edit"])
    asked = {"targets": ["Anna@Client.example", "rival.example"], "why": "they asked"}
    assert console.ask("POST", "/v1/do-not-email", token, json=asked).json() == {"new": 2, "known": 0, "changed": 2}
    first = console.ask("GET", "/v1/do-not-email?limit=1", token).json()
    assert [row["target"] for row in first["rows"]] == ["rival.example"]
    rest = console.ask("GET", f"/v1/do-not-email?limit=1&after={first['next']}", token).json()
    assert ([row["target"] for row in rest["rows"]], rest["next"]) == (["anna@client.example"], None)
    lifted = console.ask("POST", "/v1/do-not-email/lift", token, json={"target": "rival.example"})
    assert lifted.json() == {"lifted": 1}
    assert console.ask("GET", "/v1/do-not-email?after=broken", token).status_code == 409
