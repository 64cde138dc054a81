"""Who looks at a page, what they may do there, and that a change was really asked for by one of our own pages."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import Depends, HTTPException, Request

from console.cookies import Session, same, session_of
from console.office import Office, the_office
from console.rights import OF_ROLE, May
from models.session import reading
from models.tables.people import Role
from worker.act import Act
from worker.people.users import signed_in

SAFE = frozenset({"GET", "HEAD"})
FIELD, HEADER = "csrf", "X-CSRF-Token"


class SignInNeeded(Exception):  # noqa: N818 - it names what comes next, no mistake
    """Nobody is signed in; `next_` is the page to go to afterwards."""

    def __init__(self, next_: str) -> None:
        super().__init__("sign in first")
        self.next_ = next_

    @property
    def address(self) -> str:
        """The page to sign in at."""
        return "/sign-in" + (f"?next={quote(self.next_, safe='')}" if self.next_ not in {"", "/"} else "")


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is signed in, with the team whose data they see."""

    user_id: int
    team_id: int
    team: str
    name: str
    role: Role
    zone: ZoneInfo
    guess_first: bool
    session: Session

    def may(self, right: May) -> bool:
        """Say whether the role gives a right."""
        return right in OF_ROLE[self.role]

    def act(self, office: Office, why: str | None = None) -> Act:
        """Return what changes of this person are stamped with."""
        return Act(self.name, office.clock(), (why or "").strip() or None)


async def said_token(request: Request) -> str:
    """Return the token against forged requests that a form or a script sent along."""
    if request.method in SAFE:
        return ""
    header = request.headers.get(HEADER)
    if header is None and request.headers.get("content-type", "").startswith(
        ("application/x-www-form-urlencoded", "multipart/form-data")
    ):
        said = (await request.form()).get(FIELD)
        return said if isinstance(said, str) else ""
    return header or ""


def refuse_forged(request: Request, session: Session, said: str) -> None:
    """See that a change was asked for by one of our own pages.

    Raises:
        HTTPException: another site, or nobody who could read the token, sent it.
    """
    if request.method in SAFE:
        return
    elsewhere = request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
    if elsewhere or not same(said, session.csrf):
        raise HTTPException(
            HTTPStatus.FORBIDDEN, "this page was open for too long, or another site sent this; reload it and try again"
        )


class Needs:
    """Lets in who may do something; the dependency of every page but the one to sign in at."""

    def __init__(self, may: May) -> None:
        self.may = may

    def __call__(
        self,
        request: Request,
        office: Annotated[Office, Depends(the_office)],
        said: Annotated[str, Depends(said_token)],
    ) -> Visitor:
        """Return who is signed in.

        Raises:
            SignInNeeded: nobody is.
            HTTPException: the role does not give the right, or the request is forged.
        """
        session = session_of(request, office)
        visitor = _visitor(office, session) if session else None
        if session is None or visitor is None:
            raise SignInNeeded(_here(request))
        refuse_forged(request, session, said)
        if not visitor.may(self.may):
            raise HTTPException(
                HTTPStatus.FORBIDDEN,
                f"your role ({visitor.role.value}) does not allow this; an admin of your team can change it",
            )
        request.state.visitor = visitor
        return visitor


def visitor_of(request: Request, office: Office) -> Visitor | None:
    """Return who is signed in, where it is somebody; for pages that anybody may see."""
    session = session_of(request, office)
    return _visitor(office, session) if session else None


def _visitor(office: Office, session: Session) -> Visitor | None:
    if session.user_id is None:
        return None
    with reading(office.engine) as opened:
        found = signed_in(opened, session.user_id, session.epoch, session.csrf)
    if found is None:
        return None
    return Visitor(
        found.user_id,
        found.team_id,
        found.team,
        found.name,
        found.role,
        ZoneInfo(found.time_zone),
        found.guess_first,
        session,
    )


def _here(request: Request) -> str:
    """Return the page to come back to: the one that is shown, where a script asked for a part of it."""
    if request.method not in SAFE or "hx-request" in request.headers:
        return ""
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


Viewer = Annotated[Visitor, Depends(Needs(May.VIEW))]
Editor = Annotated[Visitor, Depends(Needs(May.EDIT))]
Reviewer = Annotated[Visitor, Depends(Needs(May.REVIEW))]
Teacher = Annotated[Visitor, Depends(Needs(May.TEACH))]
Admin = Annotated[Visitor, Depends(Needs(May.ADMIN))]
TheOffice = Annotated[Office, Depends(the_office)]
