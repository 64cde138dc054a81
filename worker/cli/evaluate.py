"""`evaluate`: how good is an artifact, and is the mail still what it was?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from worker.cli.learning import DRIFT_DAYS, ROWS, base_option, corpus, own_rows, since_option
from worker.cli.output import as_json, emit, show
from worker.errors import InputError
from worker.learning.chosen_artifact import artifact_of

if TYPE_CHECKING:
    # These load NumPy and SQLAlchemy, which --help need not wait for.
    from sqlalchemy import Engine

    from classifier.artifact import Artifact
    from classifier.evaluation import Evaluation
    from classifier.labelled import LabelledReply


@click.command()
@click.argument("artifact", required=False)
@click.option("--rows", "files", multiple=True, type=ROWS, help="Labelled replies of a file as well; may be repeated.")
@base_option
@since_option
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a report with pictures to this file."
)
@click.option(
    "--drift", is_flag=True, help=f"Say instead whether the mail of the last {DRIFT_DAYS} days has changed, and when."
)
@as_json
def evaluate(
    artifact: str | None,
    files: tuple[Path, ...],
    base: str,
    since: datetime | None,
    html: Path | None,
    drift: bool,
    as_json: bool,
) -> None:
    """Say how well ARTIFACT (version or file; default: the one in service) tells replies it has not seen.

    It is measured on the shipped corpus, the labels in the database, and --rows. Of what it learnt from, those
    judgements count that were made while the reply was held out.
    """
    from worker.cli.common import start  # noqa: PLC0415

    settings, engine = start()
    if drift:
        from worker.cli.drift import tell_drift  # noqa: PLC0415

        tell_drift(engine, as_json=as_json)
        return
    judged = artifact_of(engine, settings, artifact)
    own = own_rows(engine, files, since)
    evaluation, count = _measured(judged, own, corpus(base))
    about = [("Measured on", f"{count} replies, {len(own)} of them labelled here"), *_honest(engine, since)]
    if html:
        _write(html, evaluation, about)
    if as_json:
        emit([asdict(evaluation) | {"about": dict(about)}])
        return
    _print(evaluation, about)
    if html:
        click.echo(f"the report with pictures is in {html}")


def _measured(
    judged: Artifact, own: Sequence[LabelledReply], shipped: Sequence[LabelledReply]
) -> tuple[Evaluation, int]:
    """Return how an artifact does, and on how many replies."""
    from classifier.evaluation import evaluate as measure  # noqa: PLC0415
    from classifier.labelled import merge  # noqa: PLC0415
    from classifier.meaning import encoder_here  # noqa: PLC0415
    from classifier.train import hear_all  # noqa: PLC0415

    rows = hear_all(merge(own, shipped))
    if not rows:
        raise InputError("nothing to evaluate with: import labels, give --rows FILE, or --base default")
    return measure(judged, rows, encoder_here()), len(rows)


def _honest(engine: Engine, since: datetime | None) -> list[tuple[str, str]]:
    """Return how often the machine was right on mail that was drawn at random."""
    from models.session import reading  # noqa: PLC0415
    from worker.learning.accuracy import random_sample  # noqa: PLC0415

    with reading(engine) as session:
        sample = random_sample(session, since.replace(tzinfo=UTC) if since else None)
    return [("Random sample of your mail", str(sample))]


def _write(path: Path, evaluation: Evaluation, about: Sequence[tuple[str, str]]) -> None:
    from worker.learning.evaluation_page import page  # noqa: PLC0415  # Draws pictures.

    try:
        path.write_text(page(evaluation, about), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error}; name another file with --html") from error


def _print(evaluation: Evaluation, about: Sequence[tuple[str, str]]) -> None:
    report = evaluation.report
    show("Artifact " + evaluation.version, ("figure", "value"), [*_headline(evaluation), *about])
    show(
        "By class",
        ("class", "replies", "precision", "recall", "F1"),
        [
            (name, each.rows, f"{each.precision:.2f}", f"{each.recall:.2f}", f"{each.f1:.2f}")
            for name, each in report.classes.items()
        ],
    )
    show(
        "True class in the rows, given class in the columns",
        ("", *report.confusion),
        [(name, *given.values()) for name, given in report.confusion.items()],
    )
    show("By language", ("language", "macro-F1"), [(name, f"{score:.2f}") for name, score in report.languages.items()])
    show(
        "How sure it was, and how often right",
        ("replies", "confidence", "right"),
        [(each.rows, f"{each.confidence:.2f}", f"{each.accuracy:.2f}") for each in report.bins],
    )


def _headline(evaluation: Evaluation) -> Iterator[tuple[str, Any]]:
    report = evaluation.report
    yield "macro-F1, rules and classifier together", f"{report.macro_f1:.3f}"
    yield "macro-F1 of the classifier, where no rule decides", f"{report.learner_macro_f1:.3f}"
    yield "opt-outs recognised or held", f"{report.opt_outs_kept:.3f}"
    yield "cost of a reply (missed opt-out 10, wrong one 4, other error 1, review 1)", f"{report.cost:.3f}"
    yield "waits for a person", f"{report.reviewed:.1%}"
    yield "Brier score (0 to 2)", f"{report.brier:.3f}"
    yield "calibration error", f"{report.calibration_error:.3f}"
    yield "replies, and those of them that rules decide", f"{report.rows}, {report.by_rules}"
    if evaluation.left_out:
        yield "replies left out, since it learnt from them without a test", str(evaluation.left_out)
