"""`/u/{token}`: the unsubscribe link in our mail; looked at by people and scanners, pressed by people alone."""

from __future__ import annotations

from io import BytesIO
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, parse_form

from console import pages
from console.office import Office, body_of, the_office
from models.session import reading, transaction
from worker.acts.opt_out import opt_out_by_link
from worker.matching.links import ONE_CLICK, Purpose, find_linked

router = APIRouter(prefix="/u", include_in_schema=False)

HOW = {tuple(ONE_CLICK.split("=")): "one-click", (pages.CONFIRM, "yes"): "confirmed on the page"}
"""The two forms that are understood: of mail programs (RFC 8058), and of our own page."""
UNKNOWN = HTTPException(404, "this link is not valid")
"""One answer for every token that is not ours, whatever is wrong with it."""


# One route for all, so that the refusal of another method names each of them.
@router.api_route("/{token}", methods=["GET", "HEAD", "POST"])
def answer(
    token: str,
    request: Request,
    body: Annotated[bytes, Depends(body_of)],
    office: Annotated[Office, Depends(the_office)],
) -> HTMLResponse:
    """Ask for confirmation, or take the recipient out where the button was pressed."""
    if request.method == "POST":
        return _press(office, token, request.headers.get("content-type", ""), body)
    # Scanners open every link in a mail, so opening it changes nothing.
    _refuse_unknown(office, token)
    return pages.ask()


def _press(office: Office, token: str, content_type: str, body: bytes) -> HTMLResponse:
    """Take the recipient out; pressing again gives the same answer and changes nothing."""
    how = HOW.get(_only_field(content_type, body))
    if how is None:
        raise HTTPException(400, f"the body is neither {ONE_CLICK} nor our own form")
    # Strangers with no valid token take no lock: a SQLite database has one for all writers.
    _refuse_unknown(office, token)
    with transaction(office.engine) as session:
        if not opt_out_by_link(session, office.settings.signing_keys, token, how, office.clock()):
            raise UNKNOWN
    return pages.done()


def _refuse_unknown(office: Office, token: str) -> None:
    with reading(office.engine) as session:
        if not find_linked(session, office.settings.signing_keys, Purpose.UNSUBSCRIBE, [token]):
            raise UNKNOWN


def _only_field(content_type: str, body: bytes) -> tuple[str, ...]:
    """Return name and value of a form's only field; nothing where it has several, or is no form."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        fields = _parts(content_type, body)
    elif kind in {"application/x-www-form-urlencoded", ""}:
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    else:
        return ()
    return tuple(each.strip() for each in fields[0]) if len(fields) == 1 else ()


def _parts(content_type: str, body: bytes) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []

    def keep(field: Field) -> None:
        name, value = field.field_name or b"", field.value or b""
        fields.append((name.decode("utf-8", "replace"), value.decode("utf-8", "replace")))

    def refuse(file: object) -> None:
        raise ValueError(f"no file is expected: {file!r}")

    try:
        parse_form({"Content-Type": content_type.encode("latin-1")}, BytesIO(body), keep, refuse)
    except (FormParserError, ValueError):
        return []
    return fields
