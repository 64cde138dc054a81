"""`/mailboxes/new`, `/mailboxes/{id}/change` and the way to a provider: what describes a mailbox."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request, Response
from pydantic import BaseModel, Field

from console.consents import COOKIE, Wanted, callback_of, come_back, lacking, send_away
from console.cookies import forget
from console.mailbox_rows import providers_of
from console.render import go, render
from console.values import LARGEST_INTEGER, LONGEST_MAILBOX, PLAIN_OR_NONE
from console.visitor import Admin, TheOffice
from models.session import reading, transaction
from models.tables.mailboxes import Mailbox, SignIn
from worker.acts.mailbox_columns import LISTS, PORTS, new_columns, see_encrypted
from worker.acts.mailboxes import add_mailbox, change_mailbox, see_new, sign_in_anew
from worker.acts.private_hosts import see_host, see_move
from worker.errors import InputError
from worker.queries.mailboxes import mailbox_in, mailbox_row
from worker.secrets.vault import vault_of

router = APIRouter(prefix="/mailboxes", include_in_schema=False)

Id = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
Line = Annotated[str, Field(max_length=1_000)]
Lines = Annotated[str, Field(max_length=20_000)]
BLANK: dict[str, Any] = {
    "name": "", "host": "", "port": None, "security": "tls", "username": "", "addresses": [],
    "opt_out_aliases": [], "authserv_ids": [], "folders": [], "read_junk": True, "learn_sends": True,
    "bounces_to": None, "opt_outs_to": None, "sent_folder": None, "sign_in": SignIn.PASSWORD,
}  # fmt: skip
"""A mailbox that nobody has described yet."""


class Typed(BaseModel):
    """The form that describes a mailbox; what is left empty means the default, or stays as it is."""

    name: Annotated[str, Field(max_length=LONGEST_MAILBOX, pattern=PLAIN_OR_NONE)] = ""
    sign_in: SignIn = SignIn.PASSWORD
    host: Line = ""
    port: Line = ""
    security: Line = "tls"
    username: Line = ""
    password: Annotated[str, Field(max_length=4_000)] = ""
    addresses: Lines = ""
    opt_out_aliases: Lines = ""
    authserv_ids: Lines = ""
    folders: Lines = ""
    read_junk: bool = False
    learn_sends: bool = False
    bounces_to: Line = ""
    opt_outs_to: Line = ""
    sent_folder: Line = ""

    def way(self) -> dict[str, Any]:
        """Return where its server is, and what that is shown."""
        columns: dict[str, Any] = {"security": self.security}
        columns |= {name: getattr(self, name).strip() for name in ("host", "username") if getattr(self, name).strip()}
        columns["port"] = _number(self.port) if self.port.strip() else PORTS.get(self.security)
        return columns | ({"password": self.password} if self.password else {})

    def rest(self) -> dict[str, Any]:
        """Return what is read of it, and what is done with its mail."""
        lists = {name: [each.strip() for each in getattr(self, name).splitlines() if each.strip()] for name in LISTS}
        texts = {name: getattr(self, name).strip() for name in ("bounces_to", "opt_outs_to", "sent_folder")}
        return {**lists, **texts, "read_junk": self.read_junk, "learn_sends": self.learn_sends}


Describes = Annotated[Typed, Form()]


@router.get("/new")
def new(request: Request, office: TheOffice, visitor: Admin) -> Response:
    """Show the form that adds a mailbox."""
    del visitor
    values: dict[str, Any] = {
        "box": BLANK,
        "lacking": lacking(office),
        "callback": callback_of(request, office),
        "ports": PORTS,
    }
    return render(request, "mailbox_form.html", **values)


@router.post("/new")
def add(request: Request, office: TheOffice, visitor: Admin, typed: Describes) -> Response:
    """Add a mailbox with a password, or send the browser to the provider that signs it in."""
    if typed.sign_in is not SignIn.PASSWORD:
        given = typed.rest()
        name = new_columns(typed.name, typed.sign_in, given)["name"]
        with reading(office.engine) as session:
            see_new(session, name)
        return send_away(request, office, visitor, Wanted(typed.sign_in, name, name, given=given))
    columns = new_columns(typed.name, typed.sign_in, typed.way() | typed.rest())
    see_host(columns["host"], office.settings)
    with transaction(office.engine) as session:
        vault = vault_of(office.settings)
        mailbox_id = add_mailbox(session, visitor.team_id, columns, vault, visitor.act(office))
    return go(request, f"/mailboxes/{mailbox_id}", f"{columns['name']} is added. Check it to see that it works.")


@router.get("/consent/callback")
def consented(request: Request, office: TheOffice, visitor: Admin) -> Response:
    """Add the mailbox that was consented to, or sign it in anew."""
    wanted, granted = come_back(request, office, visitor)
    act, vault = visitor.act(office), vault_of(office.settings)
    with transaction(office.engine) as session:
        if wanted.mailbox_id is None:
            columns = new_columns(wanted.name, wanted.sign_in, wanted.given or {})
            mailbox_id = add_mailbox(session, visitor.team_id, columns, vault, act, granted)
            says = f"{wanted.name} is added. Check it to see that it works."
        else:
            mailbox = mailbox_in(session, visitor.team_id, wanted.mailbox_id)
            # It may have been led elsewhere since the browser was sent away.
            _see_own_server(mailbox, wanted.sign_in)
            sign_in_anew(session, mailbox, wanted.sign_in, granted, vault, act)
            mailbox_id, says = mailbox.id, f"{mailbox.name} is signed in anew and polled again."
    response = go(request, f"/mailboxes/{mailbox_id}", says)
    forget(response, request, office, COOKIE)
    return response


@router.post("/{mailbox_id}/sign-in")
def sign_in(
    request: Request, office: TheOffice, visitor: Admin, mailbox_id: Id, provider: Annotated[SignIn, Form()]
) -> Response:
    """Send the browser to a provider for a new consent."""
    with reading(office.engine) as session:
        mailbox = mailbox_in(session, visitor.team_id, mailbox_id)
    _see_own_server(mailbox, provider)
    see_encrypted(mailbox.name, provider, mailbox.security)
    return send_away(request, office, visitor, Wanted(provider, mailbox.name, mailbox.username, mailbox.id))


@router.get("/{mailbox_id}/change")
def show_change(request: Request, office: TheOffice, visitor: Admin, mailbox_id: Id) -> Response:
    """Show the form that changes a mailbox."""
    with reading(office.engine) as session:
        box = mailbox_row(mailbox_in(session, visitor.team_id, mailbox_id), visitor.team)
    return render(request, "mailbox_form.html", box=box, ports=PORTS)


@router.post("/{mailbox_id}/change")
def change(request: Request, office: TheOffice, visitor: Admin, mailbox_id: Id, typed: Describes) -> Response:
    """Change what describes a mailbox."""
    given = typed.way() | typed.rest()
    # Looking a name up may take a while, in which nobody else should wait for the database.
    with reading(office.engine) as session:
        before = mailbox_in(session, visitor.team_id, mailbox_id)
    see_move(before, given, office.settings)
    with transaction(office.engine) as session:
        mailbox = mailbox_in(session, visitor.team_id, mailbox_id)
        change_mailbox(session, mailbox, given, vault_of(office.settings), visitor.act(office))
    return go(request, f"/mailboxes/{mailbox_id}", f"{mailbox.name} is changed. Check it to see that it works.")


def _see_own_server(mailbox: Mailbox, provider: SignIn) -> None:
    """Refuse to show a provider's tokens to anybody but its own server."""
    if provider not in providers_of(mailbox):
        where = f"{mailbox.host}:{mailbox.port}"
        raise InputError(f"{mailbox.name} is read at {where}, and no access of {provider.value} is shown there")


def _number(text: str) -> Any:
    """Return the number that was typed, or what was typed instead, which is refused where ports are."""
    return int(text) if text.strip().isdecimal() else text
