"""Train, evaluate, promote, go back, look for doubtful labels, ask whether the mail has changed: as data staff do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from classifier import labelled, train
from classifier.drift import TooFewError
from classifier.estimator import ReplyClassifier
from classifier.labelled import CORPUS, LabelledReply, read_rows
from classifier.verdict import Evidence, Reply, ReplyClass
from models.session import reading, transaction
from models.tables.learning import Artifact, Promotion
from models.tables.mail import VerdictRow
from models.tables.mailboxes import Mailbox
from tests.worker.commanding import ANNA, BOX, Commands, reply
from worker.apply import Box, apply
from worker.errors import InputError
from worker.learning.recent import Answer, changes
from worker.match import Clues, Family
from worker.rules import Rules
from worker.writing.record import Judged

really_train = train.train
SOME, MORE = labelled.read_corpus()[::4], labelled.read_corpus()[2::4]


def as_line(row: LabelledReply) -> str:
    return json.dumps(
        {"id": row.id, "language": row.language, "subject": row.subject, "text": row.text, "class": row.label}
    )


def file_of(run: Commands, rows: Sequence[LabelledReply], name: str = "rows.jsonl") -> str:
    return run.file(name, "".join(f"{as_line(row)}\n" for row in rows))


def wrong(row: LabelledReply) -> LabelledReply:
    return replace(row, label=tuple(ReplyClass)[(tuple(ReplyClass).index(row.label) + 1) % 6])


learnt: dict[tuple[str, tuple[LabelledReply, ...]], train.Training] = {}


def learnt_once(rows: Sequence[LabelledReply], *, version: str, **more: Any) -> train.Training:
    """Train, or return what came of the same rows in the test before."""
    assert "learner" not in more
    key = version, tuple(rows)
    if key not in learnt:
        learnt[key] = really_train(rows, version=version, **more)
    return learnt[key]


@pytest.fixture
def small(run: Commands, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """a corpus of a quarter of its size, and a learner of one stage: quick, and as bad as that."""
    monkeypatch.setattr(labelled, "CORPUS", run.folder / "corpus")
    (run.folder / "corpus").mkdir()
    file_of(run, SOME, "corpus/some.jsonl")
    quick = ReplyClassifier(curve=True)
    monkeypatch.setattr(train, "ReplyClassifier", lambda **_: quick)
    monkeypatch.setattr(train, "train", learnt_once)
    monkeypatch.setenv("INBOX_OPT_OUT_FLOOR", "0.5")
    return run


@pytest.fixture
def served(small: Commands) -> Commands:
    """An artifact that was trained here serves."""
    small.done("train", "--version", "first")
    small.done("artifacts", "promote", "first", "--force", "--why", "it knows less than the shipped one")
    return small


def file_of_artifact(version: str) -> Path:
    (path,) = Path("artifacts").absolute().glob(f"{version}.*")
    return path


def versions(run: Commands) -> dict[str, bool]:
    return {row["version"]: row["serves"] for row in run.done("artifacts", "list", "--json").rows}


def test_a_trained_artifact_is_kept_and_serves_nobody_yet(small: Commands) -> None:
    said = small.done("train", "--version", "first")
    assert "inbox-worker artifacts promote first" in said.out
    assert [path.name.split(".")[0] for path in Path("artifacts").iterdir()] == ["first"]
    assert versions(small) == {"first": False, "default": True}


def test_a_version_that_is_taken_is_refused_before_anything_is_learnt(served: Commands) -> None:
    said = served("train", "--version", "first")
    assert (said.code, "there is an artifact first already" in said.err) == (1, True)


def test_an_artifact_may_be_trained_elsewhere_and_added(small: Commands) -> None:
    small.done("train", "--out", "elsewhere.artifact", "--version", "theirs")
    assert not Path("inbox.sqlite").exists()
    small.done("artifacts", "add", "elsewhere.artifact")
    assert versions(small) == {"theirs": False, "default": True}
    assert small("artifacts", "add", "elsewhere.artifact").code == 1


def test_a_name_that_is_no_version_is_refused_before_anything_is_learnt(small: Commands) -> None:
    for words in (["--out", "my model.artifact"], ["--version", "../up"]):
        said = small("train", *words)
        assert (said.code, "is no version" in said.err) == (1, True)


def test_two_trainings_of_one_version_leave_the_first_as_it_was(
    small: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained_by_somebody_else_meanwhile(rows: Sequence[LabelledReply], **more: Any) -> Any:
        monkeypatch.setattr(train, "train", really_train)
        small.done("train", "--version", "twice")
        return really_train(rows[::2], **more)

    monkeypatch.setattr(train, "train", trained_by_somebody_else_meanwhile)
    said = small("train", "--version", "twice")
    assert (said.code, "there is an artifact twice already" in said.err) == (1, True)
    assert small.done("artifacts", "card", "twice").out.startswith("# Reply classifier twice")


def test_the_gate_refuses_what_is_worse_and_says_why(small: Commands) -> None:
    small.done("train", "--version", "first")
    said = small("artifacts", "promote", "first")
    assert said.code == 1
    assert "FAILS   macro-F1" in said.out
    assert "first is not promoted; default goes on serving" in said.err
    assert versions(small)["default"]


def test_who_forces_it_says_why_and_the_history_keeps_that(small: Commands) -> None:
    small.done("train", "--version", "first")
    assert small("artifacts", "promote", "first", "--force").code == 2
    small.done("artifacts", "promote", "first", "--force", "--why", "a trial")
    (decision,) = small.done("artifacts", "list", "--history", "--json").rows
    assert (decision["act"], decision["serves"], decision["by"], decision["forced"]) == (
        "promote",
        "first",
        "petra",
        True,
    )
    assert decision["why"] == "a trial"
    assert any(each.startswith("FAILS") for each in decision["gate"])


def test_what_is_better_is_promoted_and_a_rollback_returns_to_what_was(served: Commands) -> None:
    served.done("labels", "import", file_of(served, MORE), "--skip-bad")
    served.done("train", "--version", "second")
    said = served.done("artifacts", "promote", "second")
    assert "FAILS" not in said.out
    assert "labels given here" in said.out
    assert "second serves from now on, in place of first" in said.out
    assert versions(served)["second"]
    assert "artifact first serves again" in served.done("artifacts", "rollback").out
    assert versions(served)["first"]


def test_wrong_labels_in_bulk_do_not_pass_the_gate(served: Commands) -> None:
    served.done("labels", "import", file_of(served, [wrong(row) for row in MORE]), "--skip-bad")
    served.done("train", "--version", "spoilt")
    said = served("artifacts", "promote", "spoilt")
    assert said.code == 1, said.out
    assert versions(served)["first"]


def test_wrong_labels_for_texts_of_the_corpus_do_not_pass_the_gate(served: Commands) -> None:
    declined = [row for row in SOME if row.label is ReplyClass.NOT_INTERESTED]
    turned = [replace(row, label=ReplyClass.INTERESTED) for row in declined[: len(declined) * 9 // 10]]
    served.done("labels", "import", file_of(served, turned), "--skip-bad")
    served.done("train", "--version", "turned")
    said = served("artifacts", "promote", "turned")
    assert said.code == 1, said.out
    assert versions(served)["first"]


def test_a_handful_of_replies_lets_nothing_through(served: Commands) -> None:
    served.done("train", "--version", "second")
    file_of(served, SOME[:60], "corpus/some.jsonl")
    said = served("artifacts", "promote", "second")
    assert (said.code, "FAILS   replies to measure by" in said.out) == (1, True)


def test_where_what_serves_is_lost_a_candidate_is_held_against_what_serves_in_its_place(served: Commands) -> None:
    file_of_artifact("first").unlink()
    served.done("train", "--version", "second")
    said = served("artifacts", "promote", "second")
    assert "first cannot serve" in said.err
    assert "default goes on serving" in said.err
    served.done("artifacts", "promote", "second", "--force", "--why", "first is lost")
    assert versions(served)["second"]
    assert "first cannot serve" in served.done("artifacts", "rollback").err


def test_what_serves_already_is_not_promoted_again(served: Commands) -> None:
    assert "in service already" in served.done("artifacts", "promote", "first").out
    assert served.count(Promotion) == 1


def test_a_setting_that_stands_above_is_said(served: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INBOX_ARTIFACT", str(file_of_artifact("first")))
    assert "INBOX_ARTIFACT names" in served.done("artifacts", "rollback").err
    assert "INBOX_ARTIFACT names" in served.done("artifacts", "list").err


def test_a_full_disk_is_said_and_nothing_is_registered(small: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("worker.learning.artifacts.save", full)
    said = small("train", "--version", "first")
    assert (said.code, small.count(Artifact)) == (1, 0)
    assert "No space left" in said.err
    assert "INBOX_ARTIFACT_FOLDER" in said.err


def test_labels_since_a_day_are_learnt_and_without_the_corpus_they_may_be_too_few(small: Commands) -> None:
    small.done("labels", "import", file_of(small, SOME[:40]), "--skip-bad")
    said = small("train", "--base", "none", "--version", "own")
    assert (said.code, "Label more of them" in said.err) == (1, True)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d")
    assert "nothing to train on" in small("train", "--base", "none", "--since", tomorrow).err


def test_what_is_said_here_of_a_text_stands_above_the_corpus(small: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = {row.text: wrong(row).label for row in SOME[:5]}
    small.done("labels", "import", file_of(small, [wrong(row) for row in SOME[:5]]))
    given: list[LabelledReply] = []

    def watched(rows: Sequence[LabelledReply], **_: Any) -> Any:
        given[:] = rows
        raise InputError("seen enough")

    monkeypatch.setattr(train, "train", watched)
    assert "seen enough" in small("train", "--version", "own").err
    assert len(given) == len(SOME)
    assert {row.text: row.label for row in given if row.text in changed} == changed
    # And what a file says stands above both.
    assert "seen enough" in small("train", file_of(small, SOME[:5]), "--version", "again").err
    assert len(given) == len(SOME)
    assert {row.label for row in given if row.text == SOME[0].text} == {SOME[0].label}


def test_an_evaluation_tells_every_figure_and_draws_it(served: Commands) -> None:
    (told,) = served.done("evaluate", "--json", "--html", "report.html").rows
    assert (told["version"], told["left_out"]) == ("first", 0)
    assert told["report"]["rows"] == len(SOME)
    assert set(told["report"]["confusion"]) == set(ReplyClass)
    assert told["learning"]
    page = Path("report.html").read_text()
    assert page.count("<svg") == 4
    assert f"{told['report']['macro_f1']:.3f}" in page
    assert "none of 0 mails drawn at random is answered yet" in page
    text = served.done("evaluate").out
    for words in ("opt-outs recognised or held", "calibration error", "cost of a reply", "Unsubscribed", "Brier"):
        assert words in text


def test_an_evaluation_may_be_of_other_rows_alone(served: Commands) -> None:
    others = [row for row in labelled.read_rows(CORPUS / "en-terse.jsonl") if row.id not in {each.id for each in SOME}]
    (told,) = served.done("evaluate", "first", "--base", "none", "--rows", file_of(served, others), "--json").rows
    assert told["report"]["rows"] == len(others)
    assert served("evaluate", "--base", "none").code == 1


def test_wrong_labels_are_listed_first(served: Commands) -> None:
    chosen = [row for row in SOME if len(row.text.split()) > 8][:60]
    flipped = {row.id for row in chosen[::10]}
    served.done("labels", "import", file_of(served, [wrong(row) if row.id in flipped else row for row in chosen]))
    rows = served.done("labels", "doubtful", "--json", "--limit", "12").rows
    texts = {row.text for row in chosen if row.id in flipped}
    assert sum(row["text"] in texts for row in rows) >= len(flipped) - 2
    assert [row["confidence"] for row in rows] == sorted(row["confidence"] for row in rows)
    worst = rows[0]
    served.done("labels", "set", worst["id"], worst["instead"])
    assert worst["id"] not in [row["id"] for row in served.done("labels", "doubtful", "--json", "--limit", "3").rows]


def test_each_team_doubts_its_own_labels(small: Commands) -> None:
    assert "no labels yet" in small("labels", "doubtful").err
    small.add_mailbox("other@outreach.example", "--team", "other")
    small.done("labels", "import", file_of(small, SOME[:4]), "--team", "other")
    assert "no labels yet" in small("labels", "doubtful").err
    rows = small.done("labels", "doubtful", "--team", "other", "--json").rows
    assert len(rows) == 4
    small.done("labels", "set", rows[0]["id"], "Engaged", "--team", "other")


def test_rows_of_a_file_are_doubted_before_they_are_imported(served: Commands) -> None:
    path = file_of(served, [wrong(row) for row in SOME[:20]])
    rows = served.done("labels", "doubtful", path, "--json").rows
    assert {row["id"] for row in rows} == {row.id for row in SOME[:20]}


def answers(texts: Sequence[str], days: int) -> Iterator[Judged]:
    """Replies that came in one an hour, the last of them so many days ago."""
    last = datetime.now(UTC) - timedelta(days=days)
    for number, text in enumerate(texts):
        said = Reply(
            reply_class=ReplyClass.ENGAGED, confidence=0.9, sure=True, visible_text=text, language="en",
            artifact="old", evidence=(Evidence("classifier", "words"),),
        )  # fmt: skip
        key = f"{days}-{number}"
        yield Judged(
            folder="INBOX", uidvalidity=days + 1, uid=number + 1, size=100, content_hash=f"{key:>064}",
            arrived_at=last - timedelta(hours=len(texts) - number), from_address=ANNA, subject="Re: Our offer",
            verdict=said, clues=Clues(family=Family.REPLY, from_address=ANNA),
        )  # fmt: skip


def take_in(run: Commands, batch: Sequence[Judged]) -> None:
    with run.database() as engine, transaction(engine) as session:
        box = session.scalars(select(Mailbox).where(Mailbox.name == BOX)).one()
        apply(session, Box(box.id, box.name, Rules(team_id=box.team_id)), batch, datetime.now(UTC))


def texts_of(name: str) -> list[str]:
    return [row.text for row in read_rows(CORPUS / f"{name}.jsonl")]


def test_a_change_of_the_mail_is_told_with_its_day(run: Commands) -> None:
    run.add_mailbox()
    letters, terse = texts_of("en-letters"), texts_of("en-terse")
    take_in(run, list(answers(letters, 30)))
    take_in(run, list(answers(letters[:150], 10)))
    assert "the mail has not changed" in run.done("evaluate", "--drift").out
    take_in(run, list(answers(terse, 0)))
    said = run.done("evaluate", "--drift").out
    assert "the mail has changed since about 20" in said
    assert run.done("evaluate", "--drift", "--json").rows[-1]["changed"]


@pytest.mark.parametrize(("trained_before", "reference"), [(120, 120), (20, 200), (None, 200)])
def test_newer_mail_is_compared_with_what_came_before_the_artifact_was_trained(
    trained_before: int | None, reference: int
) -> None:
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    texts = texts_of("en-letters")[:400]
    found = [
        Answer(noon + timedelta(hours=number), ANNA, "", "reply", {"visible_text": text})
        for number, text in enumerate(texts)
    ]
    trained_at = None if trained_before is None else noon + timedelta(hours=trained_before)
    (block,) = changes(found, trained_at)
    assert (block.drift.older, block.drift.newer) == (reference, 400 - reference)


def test_too_little_mail_to_ask_about_a_change_is_said(run: Commands) -> None:
    run.add_mailbox()
    take_in(run, list(answers(texts_of("en-letters")[:50], 1)))
    said = run("evaluate", "--drift")
    assert (said.code, "too few to compare" in said.err) == (1, True)


def test_without_any_mail_nothing_can_be_said_of_a_change() -> None:
    with pytest.raises(TooFewError, match="no answer to compare"):
        list(changes([]))


def test_a_shadow_run_shows_what_would_differ_and_changes_nothing(served: Commands) -> None:
    served.add_mailbox()
    take_in(served, list(answers(["No thank you, we are not interested.", "Who is your boss?"], 1)))
    before = details(served)
    rows = served.done("artifacts", "shadow", "first", "--json").rows
    assert rows
    assert {row["was"] for row in rows} == {"Engaged"}
    assert all(row["would_be"] != "Engaged" for row in rows)
    assert f"{len(rows)} of 2 replies" in served.done("artifacts", "shadow", "first").out
    assert details(served) == before


def test_a_promotion_relabels_nothing_that_was_decided(served: Commands) -> None:
    served.add_mailbox()
    served.receive(reply(ReplyClass.INTERESTED), ANNA, served.send(ANNA))
    before, story = details(served), served.done("recipients", "show", ANNA, "--json").rows
    served.done("train", "--version", "second")
    served.done("artifacts", "promote", "second", "--force", "--why", "a trial")
    served.done("artifacts", "rollback")
    assert (details(served), served.done("recipients", "show", ANNA, "--json").rows) == (before, story)


def details(run: Commands) -> list[tuple[str | None, str]]:
    with run.database() as engine, reading(engine) as session:
        return [(row.artifact, json.dumps(row.details)) for row in session.scalars(select(VerdictRow))]


def test_where_what_serves_is_lost_doctor_says_how_to_go_back(served: Commands) -> None:
    file_of_artifact("first").unlink()
    said = served("doctor")
    assert said.code == 1
    assert "artifacts rollback" in said.out
    served.done("artifacts", "rollback")
    assert "artifact default" in served("doctor").out


def test_a_report_that_cannot_be_written_is_told_with_what_to_do(served: Commands) -> None:
    (served.folder / "page").mkdir()
    said = served("evaluate", "--html", "page/nowhere/report.html")
    assert (said.code, "report.html cannot be written" in said.err, "--html" in said.err) == (1, True, True)


def test_where_the_report_with_pictures_is_is_said(served: Commands) -> None:
    assert served.done("evaluate", "--html", "report.html").out.endswith("the report with pictures is in report.html\n")


def test_what_was_learnt_without_a_test_is_left_out_and_counted(
    small: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So large a training tests only some of its rows.
    sparing = ReplyClassifier(stream_from=100, hash_from=10**9)
    monkeypatch.setattr(train, "ReplyClassifier", lambda **_: sparing)
    monkeypatch.setattr(train, "train", really_train)
    small.done("train", "--version", "sparing", "--out", "sparing.artifact")
    assert (
        "replies left out, since it learnt from them without a test\t" in small.done("evaluate", "sparing.artifact").out
    )
    said = small.done("labels", "doubtful", file_of(small, SOME), "--artifact", "sparing.artifact")
    assert "are left out: sparing learnt from them without a test" in said.err
