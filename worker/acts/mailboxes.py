"""What a person does with a mailbox: add, change, sign in anew, pause, resume, remove; the same for every front end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from config import logs
from models.rows import insert_returning
from models.tables.handling import OAuthGrant
from models.tables.mailboxes import Mailbox, SignIn
from worker.act import Act
from worker.acts.mailbox_columns import PORTS, read_columns, see_encrypted
from worker.errors import InputError
from worker.oauth.consenting import Granted
from worker.oauth.grants import keep
from worker.secrets.vault import Vault

log = logs.logger(__name__)

WAY: Final = ("host", "port", "security", "username", "ca_file")
"""Where a stored secret is shown, and how."""


def see_new(session: Session, name: str) -> None:
    """Refuse a name that is taken, whichever team has it."""
    if session.scalar(select(Mailbox.id).where(func.lower(Mailbox.name) == name.strip().lower())):
        raise _taken(name)


def _taken(name: str) -> InputError:
    return InputError(f"the mailbox {name} is there already; change it with: inbox-worker mailboxes set {name}")


def add_mailbox(
    session: Session, team_id: int, columns: Mapping[str, Any], vault: Vault, act: Act, granted: Granted | None = None
) -> int:
    """Store a new mailbox, with the consent to read it where it has no password; return its id.

    Args:
        session: inside a write transaction.
        team_id: whose it is.
        columns: from `new_columns`.
        vault: encrypts its secrets.
        act: who adds it.
        granted: what came of the consent.

    Raises:
        InputError: there is one of this name, or no key to encrypt with.
    """
    see_new(session, columns["name"])
    password = vault.seal(columns["password"]) if columns["password"] else ""
    row = {**columns, "team_id": team_id, "password": password}
    made = insert_returning(session, Mailbox, [row], ("id",))
    if not made:
        # Somebody else has added it between the look and now.
        raise _taken(columns["name"])
    mailbox = session.get_one(Mailbox, made[0][0])
    if granted:
        keep(session, mailbox.id, *granted, vault, act.at)
    log.info(
        "mailbox_added",
        says="mailbox {mailbox} at {host}:{port}: added by {by}",
        mailbox=mailbox.name,
        host=mailbox.host,
        port=mailbox.port,
        by=act.by,
    )
    return mailbox.id


def change_mailbox(
    session: Session,
    mailbox: Mailbox,
    given: Mapping[str, Any],
    vault: Vault,
    act: Act,
    *,
    at_the_machine: bool = False,
) -> list[str]:
    """Change what is given of a mailbox, and return the names of what is set now.

    A new password takes the place of a provider's consent.

    Args:
        session: inside a write transaction.
        mailbox: its row.
        given: columns; a list replaces all earlier values.
        vault: encrypts a new password.
        act: who changes it.
        at_the_machine: who changes it has the keys anyway. Anybody else gives the password again when it is to be
            shown to another server, since a stored one would be handed to whoever runs that.

    Raises:
        InputError: a value means nothing, the password is missing, or there is no key to encrypt it with.
    """
    columns = read_columns(given)
    if "security" in columns and mailbox.port == PORTS[mailbox.security]:
        columns.setdefault("port", PORTS[columns["security"]])
    if not at_the_machine:
        _see_secret_stays(mailbox, columns)
    names = sorted(columns)
    changed = [name for name in names if columns[name] != getattr(mailbox, name)]
    _write(session, mailbox, columns, vault)
    _go_on(mailbox)
    log.info(
        "mailbox_changed",
        says="mailbox {mailbox} at {host}:{port}: {what} changed by {by}",
        mailbox=mailbox.name,
        host=mailbox.host,
        port=mailbox.port,
        what=", ".join(changed) or "nothing",
        by=act.by,
    )
    return names


def _write(session: Session, mailbox: Mailbox, columns: Mapping[str, Any], vault: Vault) -> None:
    if "password" in columns:
        columns = {**columns, "password": vault.seal(columns["password"]), "sign_in": SignIn.PASSWORD}
        session.execute(delete(OAuthGrant).where(OAuthGrant.mailbox_id == mailbox.id))
    for column, value in columns.items():
        setattr(mailbox, column, value)
    see_encrypted(mailbox.name, mailbox.sign_in, mailbox.security)


def sign_in_anew(session: Session, mailbox: Mailbox, sign_in: SignIn, granted: Granted, vault: Vault, act: Act) -> None:
    """Store a new consent in place of any other, or of a password, and let polling go on.

    Raises:
        InputError: tokens would be shown unencrypted, or there is no key to encrypt them with.
    """
    see_encrypted(mailbox.name, sign_in, mailbox.security)
    mailbox.sign_in, mailbox.password = sign_in, ""
    _go_on(mailbox)
    keep(session, mailbox.id, *granted, vault, act.at)
    log.info(
        "mailbox_signed_in",
        says="mailbox {mailbox}: signed in with {sign_in} anew by {by}",
        mailbox=mailbox.name,
        sign_in=sign_in,
        by=act.by,
    )


def pause_mailbox(mailbox: Mailbox, act: Act) -> None:
    """Leave a mailbox alone until it is resumed."""
    mailbox.paused_at = mailbox.paused_at or act.at
    log.info("mailbox_paused", says="mailbox {mailbox}: paused by {by}", mailbox=mailbox.name, by=act.by)


def resume_mailbox(mailbox: Mailbox, act: Act) -> None:
    """Poll a mailbox again, at once, whether a person paused it or it was stopped as it was not let in."""
    mailbox.paused_at = None
    _go_on(mailbox)
    log.info("mailbox_resumed", says="mailbox {mailbox}: resumed by {by}", mailbox=mailbox.name, by=act.by)


def remove_mailbox(session: Session, mailbox: Mailbox, act: Act) -> None:
    """Remove a mailbox with the record of its mail; sends, and what the mail caused, stay."""
    session.execute(delete(Mailbox).where(Mailbox.id == mailbox.id))
    log.info("mailbox_removed", says="mailbox {mailbox}: removed by {by}", mailbox=mailbox.name, by=act.by)


def _go_on(mailbox: Mailbox) -> None:
    """Let it be polled at once, as if nothing had gone wrong before."""
    mailbox.stopped_at = mailbox.next_poll_at = mailbox.last_error = None
    mailbox.failures = 0


def _see_secret_stays(mailbox: Mailbox, columns: Mapping[str, Any]) -> None:
    moved = [name for name in WAY if name in columns and columns[name] != getattr(mailbox, name)]
    if not moved or "password" in columns:
        return
    names = " and ".join(moved)
    if mailbox.sign_in is SignIn.PASSWORD:
        raise InputError(f"{mailbox.name}: {names} would change; give the password again, a stored one is not moved")
    raise InputError(
        f"{mailbox.name}: {names} would change, and a stored consent is not moved; change it at the machine"
        f" (inbox-worker mailboxes set {mailbox.name}), or give a password"
    )
