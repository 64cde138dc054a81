"""Requests of other systems: who signs in, before anything else is read; and the same request twice, done once."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from console import idempotency
from console.idempotency import LONGEST_KEY, Answer, Refused, begin, finish, give_up
from console.office import Office, office_of
from models.session import DatabaseUnavailable, reading, transaction
from worker.people.api_tokens import Caller, find_caller

Handle = Callable[[Request], Awaitable[Response]]

KEY_HEADER = "Idempotency-Key"
BUSY_SECONDS = "5"


class SignedRoute(APIRoute):
    """A route that answers only systems with a token, and a request under an Idempotency-Key only once."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Return what answers a request."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            caller = await run_in_threadpool(_sign_in, request)
            request.state.caller = caller
            key = request.headers.get(KEY_HEADER)
            return await handle(request) if key is None else await _once(request, caller, key, handle)

        return answer


def caller_of(request: Request) -> Caller:
    """Return who signed in."""
    caller: Caller = request.state.caller
    return caller


def _sign_in(request: Request) -> Caller:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        with reading(office_of(request).engine) as session:
            caller = find_caller(session, token.strip())
        if caller is not None:
            return caller
    detail = "send a token of inbox-worker tokens add: Authorization: Bearer iw_..."
    raise HTTPException(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})


async def _once(request: Request, caller: Caller, key: str, handle: Handle) -> Response:
    office = office_of(request)
    asked = idempotency.Request(caller.team_id, _own(caller, key), await _hash(request), office.clock())
    known = await run_in_threadpool(_begin, office, asked)
    if known is not None:
        return JSONResponse(known.body, known.status_code)
    try:
        response = await handle(request)
    except Exception:
        with suppress(DatabaseUnavailable):
            await run_in_threadpool(_give_up, office, asked)
        raise
    await run_in_threadpool(_finish, office, asked, response)
    return response


def _own(caller: Caller, key: str) -> str:
    """Return what a key is stored as: two systems of one team may hit upon the same key."""
    return hashlib.sha256(f"{caller.name}\0{_plain(key)}".encode()).hexdigest()


def _plain(key: str) -> str:
    """Return the key without the quotes that the draft asks for and many leave out."""
    key = key.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not key or len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, f"{KEY_HEADER} is 1 to {LONGEST_KEY} printable ASCII characters, in quotes"
        )
    return key


async def _hash(request: Request) -> str:
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    office = office_of(request)
    # A body may hold a mailbox's password: without a key nobody can try out what it was.
    key = office.cookie_keys[-1] if office.settings.encryption_keys else b""
    return hmac.new(key, asked + await request.body(), "sha256").hexdigest()


def _begin(office: Office, asked: idempotency.Request) -> Answer | None:
    with transaction(office.engine) as session:
        known = begin(session, asked)
    if known is Refused.OTHER_REQUEST:
        detail = f"this {KEY_HEADER} belongs to another request; every request needs one of its own"
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    if known is Refused.IN_WORK:
        detail = f"the request with this {KEY_HEADER} is being worked on; ask again in a moment"
        raise HTTPException(HTTPStatus.CONFLICT, detail, {"Retry-After": BUSY_SECONDS})
    return known


def _finish(office: Office, asked: idempotency.Request, response: Response) -> None:
    with transaction(office.engine) as session:
        # What is refused is raised, and never comes here.
        finish(session, asked, Answer(response.status_code, json.loads(bytes(response.body))))


def _give_up(office: Office, asked: idempotency.Request) -> None:
    with transaction(office.engine) as session:
        give_up(session, asked)
