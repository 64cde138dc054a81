"""`artifacts`: trained reply classifiers: which there are, which one serves, and what another would do."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from worker.cli.listing import limit_option, listing
from worker.cli.numbers import DAYS_BACK
from worker.cli.output import as_json, emit
from worker.learning.chosen_artifact import artifact_of

if TYPE_CHECKING:
    from config.settings import Settings
    from worker.learning.shadow import Difference


@click.group()
def artifacts() -> None:
    """Look at trained reply classifiers, and say which one serves."""


@artifacts.command("list")
@click.option("--history", "past", is_flag=True, help="Every promotion and rollback instead, with what the gate said.")
@as_json
def list_(past: bool, as_json: bool) -> None:
    """List the artifacts, the newest first, and which of them serves."""
    from models.session import reading  # noqa: PLC0415  # SQLAlchemy and NumPy: not for --help, here and below.
    from worker.cli.common import start  # noqa: PLC0415
    from worker.learning.promotion import history, list_artifacts  # noqa: PLC0415

    settings, engine = start()
    with reading(engine) as session:
        rows = history(session) if past else list_artifacts(session)
    if past:
        listing("decisions", ("at", "act", "serves", "by", "forced", "why", "gate"), rows, as_json=as_json)
        return
    columns = ("version", "serves", "trained_at", "rows", "macro_f1", "opt_outs_kept", "promoted_at", "by", "why")
    listing("artifacts", columns, rows, as_json=as_json)
    if settings.artifact:
        click.echo(f"INBOX_ARTIFACT names {settings.artifact}, which serves in place of what is promoted", err=True)


@artifacts.command()
@click.argument("artifact", required=False)
def card(artifact: str | None) -> None:
    """Print the model card of ARTIFACT (version or file), or of the one in service."""
    from classifier.artifact import load  # noqa: PLC0415
    from worker.cli.common import start  # noqa: PLC0415

    if artifact and Path(artifact).is_file():
        found = load(Path(artifact))
    else:
        settings, engine = start()
        found = artifact_of(engine, settings, artifact)
    click.echo(found.card, nl=False)


@artifacts.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def add(file: Path) -> None:
    """Take FILE, an artifact that was trained elsewhere (`train --out`), into INBOX_ARTIFACT_FOLDER."""
    from classifier.artifact import load  # noqa: PLC0415
    from models.session import transaction  # noqa: PLC0415
    from worker.cli.common import now, start  # noqa: PLC0415
    from worker.learning.artifacts import place_of, write  # noqa: PLC0415
    from worker.learning.registered import check_new, register  # noqa: PLC0415

    settings, engine = start()
    artifact = load(file)
    path = place_of(artifact, settings.artifact_folder)
    with transaction(engine) as session:
        check_new(session, artifact.version)
        write(artifact, path)
        register(session, artifact, path, now())
    click.echo(f"artifact {artifact.version} is added; inbox-worker artifacts promote {artifact.version} lets it serve")


@artifacts.command()
@click.argument("version")
@click.option("--force", is_flag=True, help="Promote it although the gate refuses it; needs --why.")
@click.option("--why", help="Kept in the history.")
def promote(version: str, force: bool, why: str | None) -> None:
    """Let VERSION serve, if the gate finds it no worse than what serves now; running daemons take it up by themselves.

    The gate measures both on the same replies, the shipped corpus and your labels, always as learners judge that have
    not seen the reply: macro-F1 may not be lower and the cost of a reply not higher, beyond the noise of measuring, and
    enough opt-outs must be recognised or held (INBOX_OPT_OUT_FLOOR); on all replies, on those that what serves now has
    learnt from, and on your labels alone. "default" is the shipped artifact.
    """
    from worker.cli.common import act, start  # noqa: PLC0415
    from worker.learning.promoting import ServesAlreadyError, put_into_service, put_on_trial  # noqa: PLC0415

    if force and not why:
        raise click.UsageError("--force needs a reason (--why), which is kept in the history")
    settings, engine = start()
    try:
        trial = put_on_trial(engine, version, settings.artifact_folder, settings.opt_out_floor)
    except ServesAlreadyError as error:
        click.echo(str(error))
        return
    if trial.problem:
        click.echo(trial.problem, err=True)
    for check in trial.checks:
        click.echo(str(check))
    if not put_into_service(engine, trial, act(why), force=force):
        raise click.ClickException(
            f"{version} is not promoted; {trial.against} goes on serving. Label more replies and train"
            " again, or say --force --why REASON"
        )
    click.echo(f"artifact {version} serves from now on, in place of {trial.against}")
    _warn(settings)


@artifacts.command()
@click.option("--why", help="Kept in the history.")
def rollback(why: str | None) -> None:
    """Take the newest promotion back: what served before it serves again. What was decided meanwhile stays."""
    from models.session import transaction  # noqa: PLC0415
    from worker.cli.common import act, start  # noqa: PLC0415
    from worker.learning.promotion import open_serving  # noqa: PLC0415
    from worker.learning.promotion import rollback as go_back  # noqa: PLC0415

    settings, engine = start()
    with transaction(engine) as session:
        serving = go_back(session, act(why))
    now, problem = open_serving(serving, settings.artifact_folder)
    if problem:
        click.echo(f"{problem}; until then:", err=True)
    click.echo(f"artifact {now.version} serves again")
    _warn(settings)


def _warn(settings: Settings) -> None:
    if settings.artifact:
        click.echo(
            f"but INBOX_ARTIFACT names {settings.artifact}, which serves in its place until that is unset", err=True
        )


@artifacts.command()
@click.argument("artifact")
@click.option("--days", type=DAYS_BACK, default=30, show_default=True, help="How far back to look.")
@limit_option
@as_json
def shadow(artifact: str, days: int, limit: int, as_json: bool) -> None:
    """Show which replies of the last days ARTIFACT (version or file) would have decided otherwise; changes nothing.

    Compared are the replies that rules leave to the classifier, not the automatic answers among which it only tells
    absences apart.
    """
    from classifier.meaning import encoder_here  # noqa: PLC0415
    from classifier.replies import TrainedJudge  # noqa: PLC0415
    from models.session import reading  # noqa: PLC0415
    from worker.cli.common import now, start  # noqa: PLC0415
    from worker.learning.recent import answers  # noqa: PLC0415
    from worker.learning.shadow import KINDS, differences  # noqa: PLC0415

    settings, engine = start()
    judge = TrainedJudge(artifact_of(engine, settings, artifact), encoder_here())
    with reading(engine) as session:
        replies = answers(session, now() - timedelta(days=days), KINDS)
    found = list(differences(replies, judge))
    rows = [_difference(each) for each in reversed(found)]
    if as_json:
        emit(rows)
        return
    listing("differences", ("arrived_at", "from", "subject", "was", "would_be"), rows, as_json=False, limit=limit)
    for (was, would_be), count in Counter((each.was, each.would_be) for each in found).most_common():
        click.echo(f"{count}: {was} -> {would_be}")
    click.echo(f"{len(found)} of {len(replies)} replies of the last {days} days would be decided otherwise")


def _difference(found: Difference) -> dict[str, Any]:
    return {
        "arrived_at": found.answer.arrived_at,
        "from": found.answer.sender,
        "subject": found.answer.subject,
        "was": found.was,
        "was_confidence": found.was_confidence,
        "would_be": found.would_be,
        "would_be_confidence": found.would_be_confidence,
        "text": found.answer.text,
    }
