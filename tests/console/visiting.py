"""A browser without scripts: it keeps cookies, follows redirects, and sends forms as pages of ours do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import select

from models.session import transaction
from models.tables.people import Role, User
from tests.quick_passwords import QUICK
from worker.act import Act
from worker.people.users import add_user

if TYPE_CHECKING:
    from tests.console.conftest import Console

PASSWORD = "correct horse battery"
SESSION = "__Host-inbox_session"
"""The cookie of a session, where the console is reached by https."""


@dataclass
class Browser:
    """Somebody's browser; `sign_in` makes the user where there is none."""

    console: Console
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    _token: tuple[str, str] | None = None

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self._ask("GET", path, **more)

    def post(self, path: str, fields: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        """Send a form with the token that our pages put into each."""
        return self._ask("POST", path, data={"csrf": self.token(), **(fields or {})}, **more)

    def raw(
        self, method: str, path: str, *, csrf: bool = False, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Ask as no page of ours would: with or without the token, and following nothing."""
        data = {"csrf": self.token()} if csrf else {}
        return self._ask(method, path, follow=False, data=data or None, headers=headers)

    def page(self, path: str, **more: Any) -> LexborHTMLParser:
        """Return a page that is there."""
        answer = self.get(path, **more)
        assert answer.status_code == HTTPStatus.OK, (path, answer.status_code, answer.text[:500])
        return LexborHTMLParser(answer.text)

    def done(self, path: str, fields: dict[str, Any] | None = None, **more: Any) -> LexborHTMLParser:
        """Send a form that is obeyed, and return the page that follows."""
        answer = self.post(path, fields, **more)
        assert answer.status_code == HTTPStatus.OK, (path, answer.status_code, answer.text[:2000])
        return LexborHTMLParser(answer.text)

    def said(self, path: str, fields: dict[str, Any] | None = None, **more: Any) -> str:
        """Send a form and return the message of the page that follows."""
        told = self.done(path, fields, **more).css_first(".said p")
        return told.text() if told else ""

    def token(self) -> str:
        """Return the token of our forms, which is the same as long as the session lasts."""
        session = self.cookies.get(SESSION, "")
        if self._token and self._token[0] == session:
            return self._token[1]
        found = self.page("/account" if self._signed_in() else "/sign-in").css_first("input[name=csrf]")
        assert found is not None
        self._token = self.cookies.get(SESSION, ""), str(found.attributes["value"])
        return self._token[1]

    def sign_in(self, role: Role = Role.ADMIN, team_id: int = 1) -> Browser:
        """Sign in as a user of this role, made where there is none."""
        name = f"{role.value.replace(' ', '-')}-{team_id}@people.example"
        with transaction(self.console.engine) as session:
            if session.scalar(select(User.id).where(User.name == name)) is None:
                user_id = add_user(session, team_id, name, role, Act("test", self.console.now), None)
                session.get_one(User, user_id).password_hash = hashed()
        answer = self.post("/sign-in", {"name": name, "password": PASSWORD}, follow=False)
        assert answer.status_code == HTTPStatus.SEE_OTHER, answer.text
        return self

    def _signed_in(self) -> bool:
        return self.get("/account", follow=False).status_code == HTTPStatus.OK

    def _ask(self, method: str, path: str, *, follow: bool = True, **more: Any) -> httpx.Response:
        return asyncio.run(self._request(method, path, follow=follow, **more))

    async def _request(self, method: str, path: str, *, follow: bool, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.console.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://console", cookies=self.cookies) as client:
            answer = await client.request(method, path, follow_redirects=follow, **more)
            self.cookies = client.cookies
            return answer


def hashed() -> str:
    """Return a hash of the password of everybody here that costs next to nothing to compare."""
    return QUICK.hash(PASSWORD)
