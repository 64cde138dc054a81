"""What the tests of the classifier's pages and endpoints share: two artifacts on disk, a small corpus, labels."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import insert

from classifier import labelled
from classifier.artifact import HeldOut, load_default, save
from classifier.labelled import LabelledReply
from models.events import Status
from models.session import reading, transaction
from models.tables.learning import Label, LabelSource
from tests.console.conftest import Console
from tests.console.visiting import Browser
from worker.learning.labels import text_key
from worker.learning.promotion import in_service
from worker.learning.registered import register

SMALL = replace(load_default(), second=None)
SOME: Sequence[LabelledReply] = labelled.read_corpus()[::40]
EVEN, WORSE = "even", "worse"
HOSTILE = "<script>alert(1)</script> & more"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of artifacts: one that is as good as the shipped one, and one that takes each class for another."""
    folder = tmp_path_factory.mktemp("shelf")
    held = SMALL.held_out
    turned = replace(SMALL, held_out=HeldOut(shown=held.shown, shares=np.roll(held.shares, 1, axis=1)))
    for version, artifact in ((EVEN, SMALL), (WORSE, turned)):
        save(replace(artifact, version=version), folder / f"{version}.artifact")
    corpus = folder / "corpus"
    corpus.mkdir()
    (corpus / "some.jsonl").write_text("".join(_line(row) for row in SOME), encoding="utf-8")
    return folder


def _line(row: LabelledReply) -> str:
    given = asdict(row)
    return json.dumps(given | {"class": given.pop("label")}) + "\n"


@pytest.fixture
def trained(console: Console, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """The console of somebody who has trained both; the gate has a fortieth of the corpus to ask."""
    monkeypatch.setattr(labelled, "CORPUS", shelf / "corpus")
    console.settings |= {"artifact_folder": shelf, "opt_out_floor": 0.5}
    with transaction(console.engine) as session:
        for version in (EVEN, WORSE):
            artifact = replace(SMALL, version=version, metrics=SMALL.metrics | {"macro_f1": 0.5})
            register(session, artifact, shelf / f"{version}.artifact", console.now)
    return console


def serving(console: Console) -> str:
    with reading(console.engine) as session:
        return in_service(session).artifact.version


def over(browser: Browser, path: str) -> str:
    """Wait until what runs beside the pages is over, and return what its page says."""
    for _ in range(600):
        page = browser.page(path).css_first("main")
        if page.css_first("[hx-trigger='every 1s']") is None:
            return page.text()
        time.sleep(0.05)
    raise AssertionError(f"{path} is never over")


def label(console: Console, text: str, said: Status, *, team_id: int = 1, **more: object) -> int:
    """Store a label, a day before now, and return its id."""
    row = {
        "team_id": team_id,
        "key": uuid4().hex * 2,
        "text_key": text_key("", text),
        "subject": "",
        "text": text,
        "language": "en",
        "label": said,
        "hard": False,
        "note": "",
        "source": LabelSource.REVIEW,
        "machine": Status.ENGAGED,
        "sampled": True,
        "message_id": None,
        "actor": "petra",
        "recorded_at": console.now - timedelta(days=1),
        **more,
    }
    with transaction(console.engine) as session:
        return int(session.execute(insert(Label).values(row).returning(Label.id)).scalar_one())


def said_of(console: Console, label_id: int) -> str | None:
    with reading(console.engine) as session:
        found = session.get(Label, label_id)
        return found.label.value if found else None
