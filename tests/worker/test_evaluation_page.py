"""The page of an evaluation: one file, whole, safe, and with every figure in it."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import matplotlib as mpl
import pytest
from selectolax.lexbor import LexborHTMLParser

from classifier.artifact import LABELS, Thresholds
from classifier.evaluation import Evaluation, Held
from classifier.figures import Bin, ClassFigures, Report
from worker.learning.evaluation_page import page

HOSTILE = "<script>alert(1)</script>"
VOID = {"meta", "br", "link"}

REPORT = Report(
    rows=2345,
    by_rules=217,
    macro_f1=0.8123,
    learner_macro_f1=0.7884,
    classes={
        label: ClassFigures(400 + at, 0.6 + at / 100, 0.7 + at / 100, 0.65 + at / 100)
        for at, label in enumerate(LABELS)
    },
    confusion={
        label: {
            given: 1000 + 10 * row + column if row == column else 10 * row + column
            for column, given in enumerate(LABELS)
        }
        for row, label in enumerate(LABELS)
    },
    hard_accuracy=0.6571,
    languages={"de": 0.8036, "en": 0.8108},
    brier=0.2936,
    calibration_error=0.0247,
    bins=(Bin(164, 0.36, 0.38), Bin(633, 0.65, 0.66), Bin(1331, 0.96, 0.93)),
    opt_outs_kept=0.9467,
    cost=0.3846,
    reviewed=0.2086,
    thresholds=Thresholds({label: 0.51 + at / 100 for at, label in enumerate(LABELS)}, 0.06),
)
EVALUATION = Evaluation(
    version="2026-06-01",
    report=REPORT,
    left_out=0,
    thresholds=(Held(0.02, 0.98, 0.32, 0.43), Held(0.06, 0.9467, 0.2086, 0.3846), Held(0.2, 0.87, 0.15, 0.44)),
    learning=((795, 0.679), (1591, 0.7289), (3182, 0.7669)),
)
ABOUT = (("Measured on", "our own replies"), ("Accuracy of a random sample", "93 % of 400"))


class Balance(HTMLParser):
    """Fails at the first tag that closes what is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), tag
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A picture closes its shapes at once."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def written() -> str:
    return page(EVALUATION, ABOUT)


@pytest.fixture(scope="module")
def tree(written: str) -> LexborHTMLParser:
    return LexborHTMLParser(written)


def cells(tree: LexborHTMLParser) -> list[list[str]]:
    return [[cell.text() for cell in row.css("th, td")] for row in tree.css("tbody tr")]


def captions(written: str) -> dict[str, str]:
    """Return the caption of each picture, by the picture's name."""
    found = {}
    for each in LexborHTMLParser(written).css("figure"):
        picture, caption = each.css_first("svg"), each.css_first("figcaption")
        assert picture is not None
        assert caption is not None
        found[str(picture.attributes["aria-label"])] = str(caption.text())
    return found


def test_the_page_is_well_formed(written: str) -> None:
    balance = Balance()
    balance.feed(written)
    balance.close()
    assert written.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert balance.open == []


def test_the_page_has_a_title_and_its_headings_in_order(tree: LexborHTMLParser) -> None:
    title = tree.css_first("title")
    assert title is not None
    assert title.text() == "Evaluation: Reply classifier 2026-06-01"
    assert [each.tag for each in tree.css("h1, h2, h3")] == ["h1", *["h2"] * 8]


def test_the_page_needs_no_other_file_and_runs_nothing(written: str) -> None:
    bare = re.sub(r'xmlns(:\w+)?="[^"]*"', "", written)
    assert not re.search(r"https?:|//\w|src=|<script|<link|@import|@font-face|data:|<\?xml|javascript:", bare)
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', bare))
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", bare))


def test_no_two_things_on_the_page_have_one_name_and_every_name_referred_to_is_there(written: str) -> None:
    names = re.findall(r'\bid="([^"]*)"', written)
    assert len(set(names)) == len(names)
    assert set(re.findall(r'(?:href="|url\()#([^")]*)', written)) <= set(names)


def test_each_picture_has_a_name_and_a_caption(tree: LexborHTMLParser) -> None:
    pictures = tree.css("figure > svg[role=img]")
    assert [each.attributes["aria-label"] for each in pictures] == [
        *("Confusion matrix", "Reliability curve", "Learning curve", "Threshold curve")
    ]
    assert len(tree.css("svg")) == len(tree.css("figure > figcaption")) == 4


def test_pictures_change_their_colours_with_the_page(tree: LexborHTMLParser) -> None:
    for each in tree.css("svg"):
        assert each.html is not None
        assert re.findall(r"#[0-9a-f]{6}\b", each.html) == []
        assert all("fill: var(" in (text.attributes["style"] or "") for text in each.css("text"))


def test_every_headline_figure_stands_in_a_table(tree: LexborHTMLParser) -> None:
    told = {row[0]: row[1] for row in cells(tree)}
    assert (
        told
        | {
            "Macro-F1": "0.812",
            "Macro-F1 of the learner": "0.788",
            "Opt-outs recognised or held": "94.7\u00a0%",
            "Cost of a reply": "0.385",
            "Waits for a person": "20.9\u00a0%",
            "Brier score": "0.294",
            "Calibration error": "0.025",
            "Hard replies told right": "65.7\u00a0%",
            "Replies": "2,345",
            "Decided by rules": "217",
            "Measured on": "our own replies",
            "Accuracy of a random sample": "93 % of 400",
            "de": "0.804",
            "en": "0.811",
        }
        == told
    )
    assert "Left out" not in told


def test_rows_left_out_are_told() -> None:
    tree = LexborHTMLParser(page(replace(EVALUATION, left_out=31)))
    assert ["Left out", "31"] in [row[:2] for row in cells(tree)]


@pytest.mark.parametrize("label", LABELS)
def test_every_figure_of_a_class_stands_in_a_table(tree: LexborHTMLParser, label: str) -> None:
    each = REPORT.classes[label]
    scores = [f"{score:.3f}" for score in (each.precision, each.recall, each.f1)]
    assert [label, str(each.rows), *scores, f"{REPORT.thresholds.sure[label]:g}"] in cells(tree)


def test_every_count_every_bin_and_every_step_stands_in_its_picture(tree: LexborHTMLParser) -> None:
    confusion, reliability, learning, threshold = (
        [text.text() for text in each.css("text")] for each in tree.css("svg")
    )
    counts = [f"{count:,}" for row in REPORT.confusion.values() for count in row.values()]
    assert [text for text in confusion if text[0].isdigit()] == counts
    assert confusion.count("Unsubscribed") == 2
    assert {f"{each.rows:,}" for each in REPORT.bins} <= set(reliability)
    assert {"795", "1,591", "3,182", "0.679", "0.729", "0.767"} <= set(learning)
    assert {"in use: 0.06", "opt-outs kept", "read by a person", "cost of a reply"} <= set(threshold)


def test_what_users_named_is_only_ever_text() -> None:
    hostile = replace(EVALUATION, version=HOSTILE, report=replace(REPORT, languages={HOSTILE: 0.5, "": 0.4}))
    written = page(hostile, [(HOSTILE, f'"{HOSTILE}')])
    tree = LexborHTMLParser(written)
    assert "<script" not in written
    assert tree.css("script") == []
    assert [HOSTILE, f'"{HOSTILE}'] in cells(tree)
    assert [HOSTILE, "0.500"] in cells(tree)
    assert ["not known", "0.400"] in cells(tree)


def test_the_same_evaluation_gives_the_same_bytes(written: str) -> None:
    assert page(EVALUATION, ABOUT) == written


def test_settings_of_matplotlib_change_nothing_and_are_not_changed(written: str) -> None:
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "lines.linewidth": 9}):
        before = dict(mpl.rcParams)
        assert page(EVALUATION, ABOUT) == written
        assert dict(mpl.rcParams) == before


def test_without_a_learning_curve_the_page_says_why() -> None:
    written = page(replace(EVALUATION, learning=()))
    assert "There is no learning curve, because none was measured" in written
    assert len(LexborHTMLParser(written).css("svg")) == 3


def test_captions_say_what_to_look_at_and_what_to_do(written: str) -> None:
    told = captions(written)
    assert "the strongest is Unsubscribed called Out of Office (54 of 1,315)" in told["Confusion matrix"]
    assert "the gap that weighs most (1,331 replies)" in told["Reliability curve"]
    assert "to 3,182 replies it changed by +0.038: the curve still rises" in told["Learning curve"]
    assert "In use is 0.06: 94.7\u00a0% kept, 20.9\u00a0% read" in told["Threshold curve"]
    assert "leave it" in told["Threshold curve"]


def test_captions_follow_the_figures() -> None:
    nothing_wrong = {label: {given: 7 if given == label else 0 for given in LABELS} for label in LABELS}
    other = replace(
        EVALUATION,
        report=replace(REPORT, confusion=nothing_wrong, bins=()),
        thresholds=(Held(0.02, 0.98, 0.32, 0.31), Held(0.06, 0.9467, 0.2086, 0.3846)),
        learning=((1591, 0.7289), (3182, 0.7301)),
    )
    told = captions(page(other))
    assert "beside the diagonal: here there is none" in told["Confusion matrix"]
    assert "rules decide every reply" in told["Reliability curve"]
    assert "the curve is flat" in told["Learning curve"]
    assert "0.02 would be cheaper (0.310)" in told["Threshold curve"]
    single = captions(page(replace(EVALUATION, learning=((9, 0.5),), thresholds=())))
    assert "A single point" in single["Learning curve"]


def test_a_home_that_cannot_be_written_to_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    # The page first, for this module loads matplotlib before it.
    code = "import worker.learning.evaluation_page\n"
    code += "from tests.worker.test_evaluation_page import *; print(page(EVALUATION))"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "MPL"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment | {"HOME": str(tmp_path / "file"), "TMPDIR": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("</html>\n\n")
