"""Labels: look, correct, forget, import, export, count, and settle what is doubtful."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

from classifier.labelled import LabelledReply
from console import files
from console.views import labels
from models.events import Status
from models.session import DatabaseUnavailable, reading
from models.tables.learning import Label
from models.tables.people import Role
from tests.console.conftest import OURS, THEIRS, Console
from tests.console.learning_world import HOSTILE, SMALL, SOME, label, over, said_of
from tests.console.visiting import Browser


def seen(console: Console, label_id: int) -> dict[str, str]:
    """Return what a page that is drawn now lets its forms send along."""
    with reading(console.engine) as session:
        found = session.get_one(Label, label_id)
        return {"seen": found.label.value, "seen_at": found.recorded_at.isoformat()}


def shown(browser: Browser, path: str = "/labels") -> list[str]:
    return [each.text() for each in browser.page(path).css("article .words")]


def test_labels_are_listed_newest_first_and_by_what_is_asked(console: Console, browser: Browser) -> None:
    label(console, "Tell me more.", Status.INTERESTED, language="de")
    label(console, HOSTILE, Status.ENGAGED, note=HOSTILE)
    label(console, "Theirs.", Status.ENGAGED, team_id=THEIRS)
    browser.sign_in(Role.VIEWER)
    assert shown(browser) == [HOSTILE, "Tell me more."]
    assert shown(browser, "/labels?label=Interested&source=review&language=DE") == ["Tell me more."]
    assert shown(browser, "/labels?differs=yes") == ["Tell me more."]
    assert shown(browser, "/labels?language=unknown") == []
    page = browser.page("/labels")
    assert page.css_first("main script") is None
    assert page.css_first("main form[method=post]") is None


def test_long_lists_come_in_pages(console: Console, browser: Browser) -> None:
    for number in range(26):
        label(console, f"Reply {number}.", Status.ENGAGED)
    browser.sign_in(Role.VIEWER)
    first = browser.page("/labels?label=Engaged")
    assert len(first.css("article .words")) == 25
    assert shown(browser, str(first.css_first("a[rel=next]").attributes["href"])) == ["Reply 0."]


def test_a_label_is_corrected_and_given_back(console: Console, browser: Browser) -> None:
    known = label(console, "Well, well.", Status.ENGAGED)
    browser.sign_in(Role.DATA_STAFF)
    asked = {"label": "Not Interested", "why": "irony", "back": "/labels?differs=yes"}
    page = browser.done(f"/labels/{known}", asked | seen(console, known))
    assert said_of(console, known) == "Not Interested"
    assert "irony" in page.css_first("article").text()
    browser.done(str(page.css_first(".said form").attributes["action"]))
    assert said_of(console, known) == "Engaged"
    assert (
        browser.post(f"/labels/{known}", {"label": "Bounced"} | seen(console, known)).status_code
        == HTTPStatus.UNPROCESSABLE_ENTITY
    )


@pytest.mark.parametrize(("why", "note"), [("irony", "irony"), ("", "from the corpus")])
def test_an_undo_gives_a_label_its_note_again(console: Console, browser: Browser, why: str, note: str) -> None:
    known = label(console, "Well, well.", Status.ENGAGED, note="from the corpus")
    browser.sign_in(Role.DATA_STAFF)
    page = browser.done(f"/labels/{known}", {"label": "Interested", "why": why} | seen(console, known))
    assert f"Note: {note}" in page.css_first("article").text()
    page = browser.done(str(page.css_first(".said form").attributes["action"]))
    assert "Note: from the corpus" in page.css_first("article").text()


def test_an_undo_that_could_not_give_the_note_back_is_not_offered(console: Console, browser: Browser) -> None:
    known = label(console, "Well, well.", Status.ENGAGED, note="long " * 500)
    browser.sign_in(Role.DATA_STAFF)
    page = browser.done(f"/labels/{known}", {"label": "Interested", "why": "irony"} | seen(console, known))
    assert page.css_first(".said").css("form") == []


def test_a_newer_word_about_a_label_is_not_overwritten_unseen(console: Console, browser: Browser) -> None:
    known = label(console, "Well, well.", Status.ENGAGED)
    first = browser.sign_in(Role.DATA_STAFF).page("/labels").css_first("form.ask")
    sent = {str(each.attributes["name"]): str(each.attributes["value"]) for each in first.css("input[type=hidden]")}
    page = browser.done(f"/labels/{known}", sent | {"label": "Interested"})
    undo = str(page.css_first(".said form").attributes["action"])
    console.now += timedelta(minutes=1)
    other = Browser(console).sign_in(Role.ADMIN)
    other.done(f"/labels/{known}", {"label": "Interested"} | seen(console, known))
    for told in (browser.post(f"/labels/{known}", sent | {"label": "Unsubscribed"}), browser.post(undo)):
        assert told.status_code == HTTPStatus.CONFLICT
        assert f"admin-1@people.example has said Interested of label {known} since" in told.text
    assert said_of(console, known) == "Interested"


def test_what_is_read_aloud_is_a_line_and_not_the_list(console: Console, browser: Browser) -> None:
    label(console, "Well, well.", Status.ENGAGED)
    browser.sign_in(Role.EDITOR)
    for path, says in (("/labels", "1 found"), ("/do-not-email", "None found")):
        page = browser.page(path)
        assert page.css_first("#found[role=status]").text() == says
        assert page.css("#list[aria-live], #list [role=status]") == []
        assert page.css_first("form.filters").attributes["hx-select-oob"] == "#found:innerHTML"


def test_a_label_is_forgotten_with_its_text(console: Console, browser: Browser) -> None:
    known = label(console, "Well, well.", Status.ENGAGED)
    browser.sign_in(Role.DATA_STAFF)
    assert "is forgotten" in browser.said(f"/labels/{known}/drop")
    assert said_of(console, known) is None


@pytest.mark.parametrize("act", ["", "/drop"])
def test_the_label_of_another_team_is_no_label(console: Console, browser: Browser, act: str) -> None:
    theirs = label(console, "Theirs.", Status.ENGAGED, team_id=THEIRS)
    told = browser.sign_in(Role.DATA_STAFF).post(
        f"/labels/{theirs}{act}", {"label": "Interested"} | seen(console, theirs)
    )
    assert (told.status_code, "no label" in told.text) == (HTTPStatus.NOT_FOUND, True)
    assert said_of(console, theirs) == "Engaged"


def test_statistics_count_classes_languages_weeks_and_agreement(console: Console, browser: Browser) -> None:
    label(console, "Good.", Status.ENGAGED)
    label(console, "Tell me more.", Status.INTERESTED, language="")
    label(console, "Old.", Status.INTERESTED, machine=None, recorded_at=console.now - timedelta(days=400))
    label(console, "Theirs.", Status.ENGAGED, team_id=THEIRS)
    page = browser.sign_in(Role.VIEWER).page("/labels/statistics")
    assert [each.text() for each in page.css(".figures .value")] == ["3", "50.0%"]
    rows = [row.text(separator="|").split("|") for row in page.css("table.plain")[0].css("tbody tr")]
    assert rows == [["Interested", "2", "0.0%"], ["Engaged", "1", "100.0%"]]
    assert sum(int(row.css_first("td").text()) for row in page.css("table.plain")[1].css("tbody tr")) == 2
    assert "not known" in page.css_first("main").text()


@pytest.fixture
def doubted(console: Console, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Labels of the corpus, two of them wrong; the classifier is asked without its second stage, which is slow."""
    monkeypatch.setattr("console.learning.artifact_of", lambda *_: SMALL)
    thanks = [row for row in SOME if row.label == Status.UNSUBSCRIBED and len(row.text) > 60][:2]
    return {row.text: label(console, row.text, Status.INTERESTED, subject=row.subject) for row in thanks}


def test_doubtful_labels_are_settled_one_after_the_other(
    console: Console, browser: Browser, doubted: dict[str, int]
) -> None:
    browser.sign_in(Role.DATA_STAFF)
    assert "Look for them" in browser.page("/labels/doubtful").css_first("main").text()
    browser.done("/labels/doubtful/look")
    assert "2 to settle" in over(browser, "/labels/doubtful")
    console.now += timedelta(minutes=1)
    page = browser.page("/labels/doubtful")
    assert page.css_first(".question").text() == "Is this really Interested?"
    text = page.css_first(".mail .words").text()
    assert page.css_first("[data-key=k]").attributes["value"] == "Interested"
    assert page.css_first("button.guess").attributes["value"] != "Interested"
    skipped = browser.page(f"/labels/doubtful?after={doubted[text]}")
    assert skipped.css_first(".mail .words").text() != text
    asked = {"back": "/labels/doubtful"}
    for said in ("Interested", "Unsubscribed"):
        page = browser.done(f"/labels/{doubted[text]}", asked | {"label": said} | seen(console, doubted[text]))
        assert "1 to settle" in page.css_first("main").text()
        back = browser.done(str(page.css_first(".said form").attributes["action"]))
        assert "2 to settle" in back.css_first("main").text()
    browser.done(f"/labels/{doubted[text]}", asked | {"label": "Unsubscribed"} | seen(console, doubted[text]))
    assert "1 to settle" in browser.page("/labels/doubtful").css_first("main").text()
    (other,) = set(doubted.values()) - {doubted[text]}
    browser.done(f"/labels/{other}", asked | {"label": "Interested"} | seen(console, other))
    assert "That was the last one" in browser.page("/labels/doubtful").css_first("main").text()
    assert [said_of(console, each) for each in (doubted[text], other)] == ["Unsubscribed", "Interested"]


def test_who_only_looks_settles_nothing_and_another_team_sees_nothing(
    console: Console, browser: Browser, doubted: dict[str, int]
) -> None:
    assert doubted
    browser.sign_in(Role.DATA_STAFF).done("/labels/doubtful/look")
    over(browser, "/labels/doubtful")
    viewer = Browser(console).sign_in(Role.VIEWER).page("/labels/doubtful")
    assert (viewer.css_first(".question") is not None, viewer.css_first("main form[method=post]")) == (True, None)
    theirs = Browser(console).sign_in(Role.DATA_STAFF, THEIRS).page("/labels/doubtful")
    assert theirs.css_first(".question") is None


def test_a_file_is_looked_at_and_then_imported_without_its_bad_rows(console: Console, browser: Browser) -> None:
    known = label(console, "Stored already.", Status.ENGAGED)
    browser.sign_in(Role.DATA_STAFF)
    content = "class,text\nInterested,Tell me more\nPerhaps,Who knows\nInterested,Stored already.\n"
    page = browser.done("/labels/import", files={"file": ("my labels.csv", content, "text/csv")})
    assert page.css_first("h1").text() == "my labels.csv"
    told = [each.text() for each in page.css(".because")[0].css("li")]
    assert ["Row 3" in told[0], "Perhaps" in told[0]] == [True, True]
    assert f"stored as Engaged (label {known})" in told[1]
    form = page.css_first("form[action^='/labels/import/']")
    assert "Import 1 label" in form.text()
    said = browser.said(str(form.attributes["action"]), {"form": "csv"})
    assert said == "1 label imported."
    assert shown(browser)[0] == "Tell me more"
    again = browser.post(str(form.attributes["action"]), {"form": "csv"})
    assert "choose it once more" in again.text


def test_an_import_that_is_done_is_said_to_be_whatever_comes_of_the_statistics(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def fails(_: Engine) -> None:
        asked.append(1)
        raise DatabaseUnavailable("the server is gone")

    monkeypatch.setattr(files, "refresh_statistics", fails)
    browser.sign_in(Role.DATA_STAFF)
    for large, text, refreshed in ((1, "Tell me more", 0), (0, "What does it cost", 1)):
        monkeypatch.setattr(files, "LARGE", large)
        content = f"class,text\nInterested,{text}\n"
        page = browser.done("/labels/import", files={"file": ("new.csv", content, "text/csv")})
        action = str(page.css_first("form[action^='/labels/import/']").attributes["action"])
        assert browser.said(action, {"form": "csv"}) == "1 label imported."
        assert len(asked) == refreshed


def test_what_is_no_file_of_labels_is_refused_by_its_own_name(browser: Browser) -> None:
    told = browser.sign_in(Role.DATA_STAFF).post("/labels/import", files={"file": ("a.csv", "name,age\n", "text/csv")})
    assert (told.status_code, "a.csv: unknown column" in told.text) == (HTTPStatus.CONFLICT, True)


def test_an_export_is_what_the_import_reads(console: Console, browser: Browser) -> None:
    label(console, "Tell me more.", Status.INTERESTED)
    label(console, "Theirs.", Status.INTERESTED, team_id=THEIRS)
    browser.sign_in(Role.VIEWER)
    lines = browser.get("/labels/export?form=jsonl")
    assert lines.headers["content-disposition"] == 'attachment; filename="labels.jsonl"'
    assert ("Tell me more." in lines.text, "Theirs" in lines.text) == (True, False)
    assert browser.get("/labels/export").text.startswith('"id","language"')


def test_a_slow_reader_of_the_export_keeps_no_transaction_open(console: Console) -> None:
    label(console, "Tell me more.", Status.INTERESTED)
    office: Any = SimpleNamespace(engine=console.engine)
    visitor: Any = SimpleNamespace(team_id=OURS)
    pool: Any = console.engine.pool

    async def read() -> str:
        answer: Any = labels.export(office, visitor)
        pieces = [await anext(answer.body_iterator)]
        assert pool.checkedout() == 0
        return "".join(pieces + [piece async for piece in answer.body_iterator])

    assert "Tell me more." in asyncio.run(read())


def test_a_page_that_waits_is_not_drawn_anew_each_second(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()

    def slow(*_: object, **__: object) -> list[LabelledReply]:
        done.wait(10)
        return []

    monkeypatch.setattr("console.learning.labelled_replies", slow)
    browser.sign_in(Role.DATA_STAFF).done("/labels/doubtful/look")
    try:
        page = browser.page("/labels/doubtful")
        assert page.css_first("#told[role=status]").text() == "Labels that are likely wrong are being looked for."
        assert page.css("#doubts [role=status], #doubts[aria-live]") == []
        asked = browser.get("/labels/doubtful", headers={"HX-Request": "true", "HX-Target": "doubts"})
        assert asked.status_code == HTTPStatus.NO_CONTENT
    finally:
        done.set()
    over(browser, "/labels/doubtful")
    asked = browser.get("/labels/doubtful", headers={"HX-Request": "true", "HX-Target": "doubts"})
    assert "No doubtful labels." in asked.text
