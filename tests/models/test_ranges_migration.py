"""The change to ranges of backfills: what people asked for is kept, and it can be taken back."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from sqlalchemy import Engine, inspect, text

from models.migrate import alone, configured
from models.revision import FOLDER, known
from models.session import reading, transaction

(THIS,) = [path.name[:4] for path in Path(FOLDER, "versions").glob("*_ranges_of_backfills.py")]
BEFORE = known()[known().index(THIS) - 1]


def ask(engine: Engine) -> None:
    for statement in (
        "INSERT INTO team (id, name) VALUES (1, 'Sales')",
        (
            "INSERT INTO mailbox (id, team_id, name, host, port, security, username, password, addresses,"
            " opt_out_aliases, authserv_ids, folders, learn_sends, failures)"
            " VALUES (1, 1, 'm', 'h', 993, 'tls', 'u', 'p', '[]', '[]', '[]', '[]', true, 0)"
        ),
        (
            "INSERT INTO mailbox_request (id, mailbox_id, wish, actor, recorded_at, coming, done)"
            " VALUES (1, 1, 'backfill', 'petra', '2026-05-04 09:00:00.000000', 9, 4)"
        ),
        (
            "INSERT INTO backfill_range (id, request_id, folder, junk, uidvalidity, first_uid, last_uid, coming, done,"
            " counts, more) VALUES (1, 1, 'INBOX', false, 4294967295, 1, 4294967295, 9, 4, '{}', false)"
        ),
    ):
        with transaction(engine) as session:
            session.execute(text(statement))


def requests(engine: Engine) -> list[tuple[int, int]]:
    with reading(engine) as session:
        return [(row.coming, row.done) for row in session.execute(text("SELECT coming, done FROM mailbox_request"))]


def test_it_and_its_way_back_keep_what_was_asked_for(engine: Engine) -> None:
    ask(engine)
    with alone(engine) as connection:
        command.downgrade(configured(connection), BEFORE)
    assert "backfill_range" not in inspect(engine).get_table_names()
    assert requests(engine) == [(9, 4)]
    with alone(engine) as connection:
        command.upgrade(configured(connection), THIS)
    assert "backfill_range" in inspect(engine).get_table_names()
    assert requests(engine) == [(9, 4)]
