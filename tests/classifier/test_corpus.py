"""The shipped corpus: broad enough, well formed, and free of real people."""

import re
from collections import Counter

import pytest

from classifier.artifact import load_default
from classifier.features import document, tokens
from classifier.labelled import CORPUS, read_rows
from classifier.survey import survey
from classifier.train import describe, read_corpus
from classifier.verdict import ReplyClass

ROWS = read_corpus()
ENOUGH = {"en": 350, "de": 35, "fr": 35, "es": 35, "it": 35, "pt": 35, "nl": 35, "pl": 35}


@pytest.mark.parametrize("language", ENOUGH)
@pytest.mark.parametrize("label", ReplyClass)
def test_every_language_has_enough_of_every_class(language: str, label: ReplyClass) -> None:
    assert sum(row.language == language and row.label is label for row in ROWS) >= ENOUGH[language]


def test_ids_are_unique_over_all_files() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)


def test_no_reply_stands_twice() -> None:
    said = Counter((row.language, document(row.subject, row.text)) for row in ROWS)
    assert [reply for reply, count in said.items() if count > 1] == []


def test_the_same_words_never_have_two_classes() -> None:
    classes: dict[tuple[str, ...], set[ReplyClass]] = {}
    for row in ROWS:
        classes.setdefault(tuple(tokens(document(row.subject, row.text))), set()).add(row.label)
    assert [words for words, found in classes.items() if len(found) > 1] == []


def test_every_row_says_something() -> None:
    assert all(tokens(document(row.subject, row.text)) for row in ROWS)


def test_hard_rows_say_why_and_every_class_has_some() -> None:
    assert all(row.note for row in ROWS if row.hard)
    assert {row.label for row in ROWS if row.hard} == set(ReplyClass)


def test_addresses_and_links_lead_nowhere() -> None:
    reserved = re.compile(r"(^|[.@])(example(\.\w+)*|[\w-]+\.example)$")
    for row in ROWS:
        for found in re.findall(r"@([\w.-]+\w)|https?://([\w.-]+\w)", row.text + " " + row.subject):
            host = found[0] or found[1]
            assert reserved.search(host), f"{row.id}: {host}"


def test_replies_are_short_and_long() -> None:
    lengths = [len(row.text.split()) for row in ROWS if row.language == "en"]
    assert min(lengths) <= 1
    assert 150 <= max(lengths) <= 250
    assert sum(length > 40 for length in lengths) >= 500


@pytest.mark.parametrize("batch", sorted(path.stem for path in CORPUS.glob("*.jsonl")))
def test_no_batch_is_monotonous(batch: str) -> None:
    seen = survey(read_rows(CORPUS / f"{batch}.jsonl"))
    assert len(seen.near_duplicates) <= seen.rows * 0.02
    assert seen.openings >= 0.5


def test_the_files_are_described() -> None:
    assert (CORPUS / "README.md").is_file()


def test_the_shipped_artifact_was_trained_on_the_shipped_corpus() -> None:
    assert load_default().data == describe(ROWS)


def test_the_shipped_artifact_is_good_enough_out_of_fold() -> None:
    metrics = load_default().metrics
    assert metrics["macro_f1"] >= 0.7
    assert metrics["classes"]["Unsubscribed"]["recall"] >= 0.7
