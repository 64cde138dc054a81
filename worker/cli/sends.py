"""`sends`: tell what was sent, from a file or from a mailbox's own Sent folder."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy import select

from models.session import reading, refresh_statistics, transaction
from models.tables.mailboxes import Mailbox
from worker.chunks import chunks
from worker.cli.common import find_mailbox, find_team, now, start, team_option
from worker.cli.output import as_json, emit
from worker.cli.progress import bar
from worker.cli.report import change_row, print_changes
from worker.errors import InputError
from worker.rules import rules_of
from worker.sending.sends import BATCH, SendsReport, import_sends
from worker.sending.sends_file import read_sends


@click.group()
def sends() -> None:
    """Tell what was sent, so that answers and bounces can be matched with it."""


@sends.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@team_option
@as_json
def import_(file: Path, team: str, as_json: bool) -> None:
    """Import what FILE says was sent: CSV, or one JSON object a line.

    Fields: campaign, to, sent_at (ISO 8601 with a zone), message_ids; as wanted subject, send_id, token,
    campaign_name, mailbox. A send that is known already adds nothing, so a file may be imported again.
    """
    settings, engine = start()
    rules = rules_of(settings, find_team(engine, team))
    with reading(engine) as session:
        rows = session.execute(select(Mailbox.name, Mailbox.id).where(Mailbox.team_id == rules.team_id))
        mailboxes = {row.name: row.id for row in rows}
    read = read_sends(file, mailboxes)
    total = SendsReport()
    with bar(f"importing {file}", shown=not as_json) as progress:
        progress(len(read), 0)
        for chunk in chunks(read, BATCH):
            with transaction(engine) as session:
                found = import_sends(session, rules, chunk, now())
            total.new += found.new
            total.known += found.known
            total.changes += found.changes
            progress(0, len(chunk))
    refresh_statistics(engine)
    _report(total, as_json=as_json)


@sends.command()
@click.argument("mailbox")
@as_json
def learn(mailbox: str, as_json: bool) -> None:
    """Learn what MAILBOX sent from its own Sent folder, beyond what was learnt before."""
    from worker.access import connected  # noqa: PLC0415 - these load the classifier, which no import needs
    from worker.desk import open_desk  # noqa: PLC0415
    from worker.errands.service import station  # noqa: PLC0415
    from worker.reading.sent import learn_sent  # noqa: PLC0415
    from worker.reading.visit import Visit, Watch  # noqa: PLC0415

    settings, engine = start()
    with reading(engine) as session:
        row = find_mailbox(session, mailbox)
        desk = open_desk(session, row, settings, None)
    with connected(engine, row, settings, now()) as imap:
        folder = row.sent_folder or imap.special_folder("\\Sent")
        if folder is None:
            raise InputError(
                f"{row.name}: no folder is marked \\Sent;"
                f" name it: inbox-worker mailboxes set {row.name} --sent-folder FOLDER"
            )
        visit = Visit(station(engine, settings, Watch(clock=now)), desk, imap)
        changes = learn_sent(visit, folder)
    _report(SendsReport(new=visit.report.sends, changes=changes), as_json=as_json)


def _report(report: SendsReport, *, as_json: bool) -> None:
    if as_json:
        changes = [change_row(each) for each in report.changes]
        emit([{"new": report.new, "known": report.known, "changes": changes}])
        return
    known = f", {report.known} known before" if report.known else ""
    click.echo(f"sends: {report.new} new{known}; recipients changed by mail they explain: {len(report.changes)}")
    print_changes(report.changes)
