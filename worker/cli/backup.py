"""`backup`: a copy of the database while everything goes on."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy import make_url

from config.settings import read
from worker.backup import back_up, pg_dump
from worker.errors import InputError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    """Copy the SQLite database to FILE while everything goes on; of PostgreSQL it says how to.

    FILE must not be there yet. The schema stays as it is, so this is safe to run with a new version before it migrates.
    """
    settings = read()
    url = make_url(settings.database_url.get_secret_value())
    if url.get_backend_name() != "sqlite":
        raise InputError(f"PostgreSQL is copied by its own program; run: {pg_dump(url, file)}")
    copied = back_up(Path(url.database or ""), file)
    click.echo(f"{file}: {copied.size / 1e6:,.1f} MB, schema {copied.revision}")
    click.echo(
        f"keep with it {settings.artifact_folder.absolute()} and the settings, and apart from it the secret keys"
    )
