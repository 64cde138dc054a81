"""Which classifier serves, how good each is, and that nothing worse is put into service unless somebody insists."""

from __future__ import annotations

import threading
from http import HTTPStatus

import pytest

from models.events import Status
from models.tables.people import Role
from tests.console.conftest import Console
from tests.console.learning_world import EVEN, WORSE, label, over, serving, shelf, trained
from tests.console.visiting import Browser
from worker.errors import InputError

__all__ = ["shelf", "trained"]


def test_the_page_tells_what_serves_and_how_often_it_was_right(trained: Console, browser: Browser) -> None:
    label(trained, "Sounds fine to me.", Status.ENGAGED)
    label(trained, "I would rather not.", Status.NOT_INTERESTED)
    label(trained, "Theirs.", Status.NOT_INTERESTED, team_id=2)
    page = browser.sign_in(Role.VIEWER).page("/model")
    assert [each.text() for each in page.css(".figures .value")] == ["default", "50.0%"]
    assert [each.text() for each in page.css(".table tbody th a")] == [WORSE, EVEN, "default"]
    assert "May 2026" in page.css_first("table.plain").text()
    assert page.css_first("main form[method=post]") is None


def test_a_report_shows_figures_classes_and_pictures(trained: Console, browser: Browser) -> None:
    page = browser.sign_in(Role.VIEWER).page(f"/model/{EVEN}")
    words = page.css_first("main").text()
    for each in ("Macro-F1", "0.500", "Sure from", "98%", "scikit-learn", "Which class is taken for which"):
        assert each in words
    assert len(page.css("svg.chart")) == 2
    assert page.css_first("main form[method=post]") is None
    assert browser.get("/model/nobody").status_code == HTTPStatus.NOT_FOUND
    # What is registered is told though the file is gone.
    trained.settings["artifact_folder"].joinpath(f"{WORSE}.artifact").rename(trained.settings["artifact_folder"] / "x")
    try:
        gone = browser.page(f"/model/{WORSE}").css_first("main")
    finally:
        (trained.settings["artifact_folder"] / "x").rename(trained.settings["artifact_folder"] / f"{WORSE}.artifact")
    assert (gone.css_first(".problem") is not None, "0.500" in gone.text()) == (True, True)


@pytest.mark.usefixtures("trained")
def test_two_artifacts_stand_side_by_side(browser: Browser) -> None:
    page = browser.sign_in(Role.VIEWER).page(f"/model/compare?a=default&b={EVEN}")
    first = page.css_first("tbody tr").text(separator=" ")
    assert "worse" in first
    assert "\N{MINUS SIGN}0.313" in first


def test_what_is_no_worse_serves_after_the_gate(trained: Console, browser: Browser) -> None:
    browser.sign_in(Role.DATA_STAFF)
    browser.done(f"/model/{EVEN}/promote", {"why": "new labels"})
    assert f"{EVEN} was put into service, in place of default. Running daemons take it up" in over(
        browser, f"/model/{EVEN}/trial"
    )
    assert serving(trained) == EVEN
    decided = browser.page("/model").css_first("ol.story").text()
    assert "data-staff-1@people.example" in decided
    assert "new labels" in decided
    assert browser.post(f"/model/{EVEN}/promote").status_code == HTTPStatus.CONFLICT


def test_what_is_worse_is_refused_with_reasons_and_serves_only_where_somebody_insists(
    trained: Console, browser: Browser
) -> None:
    browser.sign_in(Role.DATA_STAFF)
    browser.done(f"/model/{WORSE}/promote")
    told = over(browser, f"/model/{WORSE}/trial")
    assert "was not promoted; default stays in service" in told
    assert "fails" in told
    assert serving(trained) == "default"
    assert "Promote anyway" not in over(Browser(trained).sign_in(Role.VIEWER), f"/model/{WORSE}/trial")
    refused = browser.post(f"/model/{WORSE}/promote", {"force": "yes", "why": " "})
    assert (refused.status_code, "say why" in refused.text) == (HTTPStatus.CONFLICT, True)
    browser.done(f"/model/{WORSE}/promote", {"force": "yes", "why": "a trial run"})
    assert "forced it" in over(browser, f"/model/{WORSE}/trial")
    assert serving(trained) == WORSE
    decided = browser.page("/model").css_first("ol.story").text()
    assert "forced" in decided
    assert "FAILS" in decided


def test_a_promotion_is_taken_back_with_a_reason_by_who_has_seen_it(trained: Console, browser: Browser) -> None:
    browser.sign_in(Role.ADMIN)
    browser.done(f"/model/{EVEN}/promote")
    over(browser, f"/model/{EVEN}/trial")
    assert browser.post("/model/rollback", {"why": " ", "instead_of": EVEN}).status_code == HTTPStatus.CONFLICT
    late = browser.post("/model/rollback", {"why": "it is slow", "instead_of": WORSE})
    assert (late.status_code, "in the meantime" in late.text) == (HTTPStatus.CONFLICT, True)
    assert "default serves again" in browser.said("/model/rollback", {"why": "it is slow", "instead_of": EVEN})
    assert serving(trained) == "default"
    told = browser.page(f"/model/{EVEN}/trial").css_first("#trial")
    assert "Since then somebody decided otherwise: default is in service." in told.text()
    assert (told.css(".chip.good + strong"), "Running daemons" in told.text()) == ([], False)
    nothing = browser.post("/model/rollback", {"why": "again", "instead_of": "default"})
    assert "nothing was promoted" in nothing.text


def test_a_promotion_that_the_settings_stand_above_is_not_said_to_serve(trained: Console, browser: Browser) -> None:
    trained.settings["artifact"] = trained.settings["artifact_folder"] / f"{WORSE}.artifact"
    browser.sign_in(Role.DATA_STAFF).done(f"/model/{EVEN}/promote")
    told = over(browser, f"/model/{EVEN}/trial")
    assert ("INBOX_ARTIFACT names" in told, f"{EVEN} was put into service" in told) == (True, True)
    assert "Running daemons" not in told


@pytest.mark.usefixtures("trained")
def test_whoever_insists_while_a_trial_runs_is_told_so_and_the_page_is_not_drawn_anew(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()

    def slow(*_: object) -> None:
        done.wait(10)
        raise InputError("it is lost")

    monkeypatch.setattr("console.learning.put_on_trial", slow)
    browser.sign_in(Role.DATA_STAFF).done(f"/model/{WORSE}/promote")
    try:
        for version, fields in ((WORSE, {"force": "yes", "why": "a trial run"}), (EVEN, {})):
            refused = browser.post(f"/model/{version}/promote", fields)
            assert refused.status_code == HTTPStatus.CONFLICT
            assert f"a trial of {WORSE} is running; ask again when it has ended" in refused.text
        browser.done(f"/model/{WORSE}/promote")
        page = browser.page(f"/model/{WORSE}/trial")
        assert page.css_first("#told[role=status]").text() == f"The gate is looking at {WORSE}."
        assert page.css("#trial [role=status], #trial[aria-live]") == []
        polls = {"HX-Request": "true", "HX-Target": "trial"}
        assert browser.get(f"/model/{WORSE}/trial", headers=polls).status_code == HTTPStatus.NO_CONTENT
        goes_back = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
        assert browser.get(f"/model/{WORSE}/trial", headers=goes_back).status_code == HTTPStatus.OK
    finally:
        done.set()
    assert "it is lost" in over(browser, f"/model/{WORSE}/trial")
