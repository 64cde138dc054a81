"""Mailboxes as people describe them: add, change, pause, resume, remove, list; the same for every front end."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from config import logs
from models.tables.handling import OAuthGrant
from models.tables.mail import InboundMessage
from models.tables.mailboxes import Mailbox, SignIn
from models.tables.mailing import SentMessage
from models.tables.people import Team
from worker.act import Act
from worker.errors import InputError, NotFoundError
from worker.oauth.consenting import Granted
from worker.oauth.grants import keep
from worker.oauth.providers import KINDS
from worker.secrets.vault import Vault
from worker.sending.sends import ADDRESS
from worker.watch.health import state_of

Row = dict[str, Any]

log = logs.logger(__name__)

PORTS: Final = {"tls": 993, "starttls": 143, "plain": 143}
HIGHEST_PORT: Final = 65_535
LONGEST: Final = {
    "host": 255, "username": 320, "password": 4_000, "ca_file": 4_000,
    "bounces_to": 500, "opt_outs_to": 500, "sent_folder": 500,
}  # fmt: skip
"""Characters of what is given as text."""
MAY_BE_EMPTY: Final = frozenset({"ca_file", "bounces_to", "opt_outs_to", "sent_folder"})
LISTS: Final = ("addresses", "opt_out_aliases", "authserv_ids", "folders")
LONGEST_ITEM: Final = 500
FLAGS: Final = ("read_junk", "learn_sends")
WAY: Final = ("host", "port", "security", "username", "ca_file")
"""Where a stored secret is shown, and how."""
_SHOWN: Final = (
    *("id", "name", "host", "port", "security", "sign_in", "username"),
    *("addresses", "opt_out_aliases", "authserv_ids", "folders", "read_junk", "bounces_to", "opt_outs_to"),
    *("sent_folder", "learn_sends", "ca_file"),
    *("paused_at", "stopped_at", "next_poll_at", "last_success_at", "last_error", "failures", "backlog"),
)


def mailbox_in(session: Session, team_id: int, mailbox_id: int) -> Mailbox:
    """Return a mailbox of the team.

    Raises:
        NotFoundError: the team has none of this id.
    """
    mailbox = session.scalar(select(Mailbox).where(Mailbox.id == mailbox_id, Mailbox.team_id == team_id))
    if mailbox is None:
        raise NotFoundError(f"no mailbox {mailbox_id}; it may have been removed")
    return mailbox


def list_mailboxes(
    session: Session,
    team_id: int | None,
    limit: int,
    *,
    after: str | None = None,
    part: str | None = None,
    ill: bool = False,
) -> list[Row]:
    """Return at most `limit` mailboxes by name, and how polling them fares.

    Args:
        session: open.
        team_id: whose; None: of every team.
        limit: at most so many.
        after: only those behind this name.
        part: any part of the name.
        ill: only those that fail, or are left alone as they were not let in.
    """
    query = select(Mailbox, Team.name).join(Team, Team.id == Mailbox.team_id).order_by(Mailbox.name).limit(limit)
    if team_id is not None:
        query = query.where(Mailbox.team_id == team_id)
    if after is not None:
        query = query.where(Mailbox.name > after)
    if part:
        query = query.where(Mailbox.name.contains(part.strip().lower(), autoescape=True))
    if ill:
        query = query.where(Mailbox.paused_at.is_(None), or_(Mailbox.stopped_at.is_not(None), Mailbox.failures > 0))
    return [mailbox_row(mailbox, team) for mailbox, team in session.execute(query)]


def mailboxes_of(session: Session, team_id: int, ids: Collection[int]) -> dict[int, Row]:
    """Return id -> row of some of a team's mailboxes, in the order in which they were asked for."""
    query = select(Mailbox).where(Mailbox.team_id == team_id, Mailbox.id.in_(ids))
    found = {mailbox.id: mailbox for mailbox in session.scalars(query)}
    return {each: mailbox_row(found[each], "") for each in ids if each in found}


def mailbox_row(mailbox: Mailbox, team: str) -> Row:
    """Return everything about a mailbox but its secrets."""
    return {name: getattr(mailbox, name) for name in _SHOWN} | {"team": team, "state": state_of(mailbox)}


def new_columns(name: str, sign_in: SignIn, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a new mailbox: what was given of it, and what follows from that.

    Args:
        name: its address.
        sign_in: what its server is shown.
        given: columns; one that signs in with a password needs `host` and `password`.

    Raises:
        InputError: something is missing, or means nothing.
    """
    name = name.strip().lower()
    if not ADDRESS.fullmatch(name):
        raise InputError(f"a mailbox is named by its address, and {name!r} is none")
    columns = _read(given)
    if sign_in is SignIn.PASSWORD:
        for needed in ("host", "password"):
            if needed not in columns:
                raise InputError(f"{name}: {needed} is missing")
    elif "password" in columns:
        raise InputError(f"{name} signs in with {sign_in.value.capitalize()}, and then it has no password")
    else:
        columns |= {"password": "", "host": columns.get("host", KINDS[sign_in].host)}
    security = columns.setdefault("security", "tls")
    see_encrypted(name, sign_in, security)
    return {"port": PORTS[security], "username": name} | columns | {"name": name, "sign_in": sign_in}


def see_new(session: Session, name: str) -> None:
    """Refuse a name that is taken, whichever team has it."""
    if session.scalar(select(Mailbox.id).where(func.lower(Mailbox.name) == name.strip().lower())):
        raise InputError(f"the mailbox {name} is there already; change it with: inbox-worker mailboxes set {name}")


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
    mailbox = Mailbox(team_id=team_id, **{**columns, "password": password})
    session.add(mailbox)
    session.flush()
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
    columns = _read(given)
    if "security" in columns and mailbox.port == PORTS[mailbox.security]:
        columns.setdefault("port", PORTS[columns["security"]])
    if not at_the_machine:
        _see_secret_stays(mailbox, columns)
    names = sorted(columns)
    changed = [name for name in names if columns[name] != getattr(mailbox, name)]
    if "password" in columns:
        columns |= {"password": vault.seal(columns["password"]), "sign_in": SignIn.PASSWORD}
        session.execute(delete(OAuthGrant).where(OAuthGrant.mailbox_id == mailbox.id))
    for column, value in columns.items():
        setattr(mailbox, column, value)
    see_encrypted(mailbox.name, mailbox.sign_in, mailbox.security)
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


def goes_with(session: Session, mailbox: Mailbox) -> tuple[int, int]:
    """Return how many recorded messages go with a mailbox, and how many sends stay without it."""
    mails, sends = (
        session.scalar(select(func.count()).where(table.mailbox_id == mailbox.id)) or 0
        for table in (InboundMessage, SentMessage)
    )
    return mails, sends


def remove_mailbox(session: Session, mailbox: Mailbox, act: Act) -> None:
    """Remove a mailbox with the record of its mail; sends, and what the mail caused, stay."""
    session.execute(delete(Mailbox).where(Mailbox.id == mailbox.id))
    log.info("mailbox_removed", says="mailbox {mailbox}: removed by {by}", mailbox=mailbox.name, by=act.by)


def see_encrypted(name: str, sign_in: SignIn, security: str) -> None:
    """Refuse to show access tokens to everybody on the way (RFC 7628 section 3)."""
    if sign_in is not SignIn.PASSWORD and security == "plain":
        raise InputError(
            f"{name}: access tokens are shown over encrypted connections only, and security is 'plain'; give"
            f" --security tls (inbox-worker mailboxes set {name} --security tls)"
        )


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


def _read(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given as columns.

    Raises:
        InputError: a value means nothing; names it.
    """
    columns = {name: None if name in MAY_BE_EMPTY and value == "" else value for name, value in given.items()}
    for name, value in columns.items():
        if problem := _problem(name, value):
            raise InputError(f"{name} {problem}")
    return columns


def _problem(name: str, value: Any) -> str | None:
    """Return what is wrong with a column's value, if anything is."""
    if name in LONGEST:
        well = (value is None and name in MAY_BE_EMPTY) or _is_text(value, LONGEST[name])
        return None if well else f"is one line of at most {LONGEST[name]} characters"
    if name in LISTS:
        well = isinstance(value, list) and all(_is_text(each, LONGEST_ITEM) for each in value)
        return None if well else f"is a list, each of one line of at most {LONGEST_ITEM} characters"
    if name in FLAGS:
        return None if isinstance(value, bool) else "is yes or no"
    if name == "port":
        return (
            None if isinstance(value, int) and 1 <= value <= HIGHEST_PORT else f"is a number from 1 to {HIGHEST_PORT}"
        )
    if name == "security":
        return None if value in PORTS else f"is one of {', '.join(PORTS)}"
    return "is nothing that can be given of a mailbox"


def _is_text(value: Any, most: int) -> bool:
    # Lines would be orders of their own to a server.
    return isinstance(value, str) and 0 < len(value) <= most and not {"\0", "\r", "\n"} & set(value)
