"""`migrate` and `doctor`: operating the database and seeing that all is well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import gettempdir

import click
from sqlalchemy import Engine, make_url
from sqlalchemy.orm import Session

from classifier.artifact import ArtifactError
from classifier.meaning import encoder_here
from config import logs
from config.settings import Settings, SettingsError, read
from models.revision import current, is_current
from models.session import DatabaseUnavailable, reading
from worker.cli.common import now, open_database
from worker.cli.extras import install
from worker.cli.findings import print_findings
from worker.cli.numbers import SECONDS_BACK
from worker.cli.output import as_json
from worker.doctor.configured import console, links, private_files
from worker.doctor.database import clock, integrity, postgresql, sqlite
from worker.doctor.fleet import fleet
from worker.doctor.mail import authorities, held, insecure, known_sends, set_aside
from worker.doctor.people import time_zones, users
from worker.doctor.places import artifact_folder, disks, way_back
from worker.doctor.secrets import secrets
from worker.doctor.work import backfills, daemon, deliveries, events, requests
from worker.learning.chosen_artifact import artifact_of
from worker.secrets.vault import vault_of
from worker.watch.health import Finding, alarms, dead_letters, mailboxes, polling, well, wrong

MORE_SURE = f"what also knows the meaning of texts is surer of more replies: {install('semantic')}"


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
    type=SECONDS_BACK,
    metavar="SECONDS",
    help="For health checks: mailboxes fail only when none that is not paused was read within this time.",
)
@click.option("--thorough", is_flag=True, help="Also read the whole SQLite file to see that it is undamaged.")
@as_json
def doctor(max_age: int | None, thorough: bool, as_json: bool) -> None:
    """Check everything that can be seen from here, and say what to do where something is wrong; reads no mailbox.

    Exit status 1: something FAILED. What is marked "look" is worth a look, and no failure.
    """
    print_findings(_diagnose(timedelta(seconds=max_age) if max_age else None, thorough=thorough), as_json=as_json)


def _diagnose(max_age: timedelta | None, *, thorough: bool = False) -> Iterator[Finding]:
    try:
        settings = read()
    except SettingsError as error:
        yield wrong("settings", str(error))
        return
    yield well("settings", "valid")
    if not max_age:
        yield from _of_machine(settings)
    ready = None
    try:
        engine = open_database(settings)
        yield _database(engine)
        if is_current(engine):
            ready = engine
            with reading(engine) as session:
                yield from [polling(session, now(), max_age)] if max_age else _findings(session, settings)
                if thorough and engine.dialect.name == "sqlite":
                    yield integrity(session)
    except DatabaseUnavailable as error:
        yield wrong("database", str(error))
    yield _classifier(settings, ready)


def _of_machine(settings: Settings) -> Iterator[Finding]:
    """Find what can be seen without the database."""
    url = make_url(settings.database_url.get_secret_value())
    file = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
    places = {"database": file.parent} if file else {}
    yield from disks(places | {"classifiers": settings.artifact_folder, "temporary files": Path(gettempdir())})
    yield artifact_folder(settings.artifact_folder)
    yield from private_files(os.environ, file)
    yield from links(settings)
    yield from console(settings)


def _findings(session: Session, settings: Settings) -> Iterator[Finding]:
    url = session.get_bind().engine.url
    if url.get_backend_name() == "sqlite":
        yield from sqlite(session, Path(url.database or ""))
    else:
        yield from postgresql(session, url, settings, now())
    yield from clock(session, now())
    yield from daemon(session, settings.poll_seconds, now())
    yield from fleet(session)
    yield from mailboxes(session)
    yield from insecure(session)
    yield from authorities(session)
    yield from known_sends(session)
    yield from alarms(session)
    yield from requests(session, now())
    yield from backfills(session)
    yield from set_aside(session)
    yield from held(session, now())
    yield from events(session, now())
    yield from deliveries(session, now())
    yield from dead_letters(session)
    yield from users(session)
    yield from time_zones(session)
    yield from secrets(session, vault_of(settings))
    yield from way_back(session, settings.artifact_folder)


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
