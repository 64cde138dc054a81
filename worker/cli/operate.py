"""`migrate` and `doctor`: operating the database and seeing that all is well."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import click
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from classifier.artifact import ArtifactError
from classifier.meaning import encoder_here
from config import logs
from config.settings import Settings, SettingsError, read
from models.revision import current, is_current
from models.session import DatabaseUnavailable, reading
from worker.chosen_artifact import artifact_of
from worker.cli.common import now, open_database
from worker.cli.findings import print_findings
from worker.cli.output import as_json
from worker.health import Finding, alarms, dead_letters, mailboxes, polling, well, wrong
from worker.stored_secrets import secrets
from worker.vault import Vault, vault_of

MORE_SURE = "what also knows the meaning of texts is surer of more replies: pip install 'inbox-worker[semantic]'"


@click.command()
def migrate() -> None:
    """Bring the database to this version's schema; harmless where it is there already."""
    from models.migrate import upgrade  # noqa: PLC0415  # Alembic: only here, and slow to load.

    settings = read()
    logs.start(settings.log_level, settings.log_format)
    engine = open_database(settings)
    before = current(engine)
    upgrade(engine)
    after = current(engine)
    click.echo(f"schema: {after}, nothing to do" if before == after else f"schema: {before or 'empty'} -> {after}")


@click.command()
@click.option(
    "--max-age",
    type=click.IntRange(min=1),
    metavar="SECONDS",
    help="For health checks: mailboxes fail only when none that is not paused was read within this time.",
)
@as_json
def doctor(max_age: int | None, as_json: bool) -> None:
    """Check settings, classifier, database, how mailboxes fare, alarms and deliveries; connects to no mailbox."""
    print_findings(_diagnose(timedelta(seconds=max_age) if max_age else None), as_json=as_json)


def _diagnose(max_age: timedelta | None) -> Iterator[Finding]:
    try:
        settings = read()
    except SettingsError as error:
        yield wrong("settings", str(error))
        return
    yield well("settings", "valid")
    ready = None
    try:
        engine = open_database(settings)
        yield _database(engine)
        if is_current(engine):
            ready = engine
            with reading(engine) as session:
                yield from [polling(session, now(), max_age)] if max_age else _findings(session, vault_of(settings))
    except DatabaseUnavailable as error:
        yield wrong("database", str(error))
    yield _classifier(settings, ready)


def _findings(session: Session, vault: Vault) -> Iterator[Finding]:
    yield from mailboxes(session)
    yield from alarms(session)
    yield from dead_letters(session)
    yield from secrets(session, vault)


def _classifier(settings: Settings, engine: Engine | None) -> Finding:
    """Load what serves; without a database that can tell, only what needs none."""
    try:
        artifact = artifact_of(engine, settings)
    except ArtifactError as error:
        step = "unset INBOX_ARTIFACT" if settings.artifact else "run: inbox-worker artifacts rollback"
        return wrong("classifier", str(error), f"{step}; until then daemons go on with an earlier one")
    if artifact.second is not None and encoder_here() is None:
        # No fault: more replies wait for a person, and no opt-out is missed for it.
        return well("classifier", f"artifact {artifact.version}, by words alone; {MORE_SURE}")
    return well("classifier", f"artifact {artifact.version}")


def _database(engine: Engine) -> Finding:
    where = engine.url.set(query={}).render_as_string(hide_password=True)
    if is_current(engine):
        return well("database", f"{where}, schema {current(engine)}")
    said = f"{where}: schema {current(engine) or 'empty'} is not this version's"
    return wrong("database", said, "run: inbox-worker migrate")
