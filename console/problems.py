"""What is answered when something goes wrong: problem details (RFC 9457) for programs, a page for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException

from config import logs
from console import pages
from console.plain_words import plain_words
from console.render import render
from console.visitor import SignInNeeded
from models.session import DatabaseUnavailable
from worker.errors import InputError, NotFoundError

log = logs.logger(__name__)

MEDIA_TYPE = "application/problem+json"
FOR_STRANGERS = "/u/"
"""Paths below it are opened by people who know nothing of us."""
FOR_PROGRAMS = ("/v1/", "/webhooks/calendly/", "/healthz", "/readyz", "/openapi.json")
SHOWN = 20
LONGEST_SAID = 500
"""Characters of one value of an answer: names of fields and kinds of rows are as long as a stranger makes them."""
RETRY_SECONDS = "30"


class BadValue(BaseModel):
    """One value that cannot be used."""

    row: Annotated[
        int | None, Field(description="Which row of the batch, counted from 0; left out: it is in no row.")
    ] = None
    field: str = Field(description="Which value.")
    says: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """Why a request was not done (RFC 9457)."""

    type: Annotated[str, Field(description="Says nothing beyond the status.")] = "about:blank"
    title: str
    status: int
    detail: str = Field(description="What went wrong and what to do.")
    bad_rows: Annotated[int | None, Field(description="How many rows of the batch cannot be used.")] = None
    errors: Annotated[
        list[BadValue] | None, Field(description=f"What is wrong; at most of the first {SHOWN} rows.")
    ] = None


class InvalidRowsError(Exception):
    """Rows that pass for what they are, and still cannot be used."""

    def __init__(self, errors: Sequence[BadValue]) -> None:
        super().__init__(f"{len(errors)} bad rows")
        self.errors = errors


def problem(request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer to a request that was not done."""
    path = request.url.path
    if path.startswith(FOR_STRANGERS):
        return pages.failed(status, headers)
    if not path.startswith(FOR_PROGRAMS):
        return _page(request, status, plain_words(detail), headers)
    return _json(Problem(title=HTTPStatus(status).phrase, status=status, detail=detail), headers)


def _page(request: Request, status: int, detail: str, headers: Mapping[str, str] | None) -> Response:
    response = render(request, "failed.html", status, title=_TITLES.get(status, "This did not work"), says=detail)
    response.headers.update(headers or {})
    return response


_TITLES = {
    403: "Not allowed",
    404: "Not found",
    405: "Not found",
    409: "This cannot be done",
    422: "Something in the form cannot be used",
    500: "Something went wrong",
    503: "Please try again in a minute",
}


def install(app: FastAPI) -> None:
    """Let the application answer known failures; whatever else fails is a bug, logged with its traceback."""
    _install_those_of_the_framework(app)
    _install_those_of_values(app)
    _install_those_of_the_database(app)

    @app.exception_handler(Exception)
    def _unforeseen(request: Request, error: Exception) -> Response:
        del error
        return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "nobody foresaw this; the log has the cause")


def _install_those_of_the_framework(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        # The framework says no more than that of an address which nothing answers.
        unknown = error.detail == HTTPStatus.NOT_FOUND.phrase
        detail = "there is nothing at this address" if unknown else str(error.detail)
        return problem(request, error.status_code, detail, error.headers)

    @app.exception_handler(SignInNeeded)
    def _unknown(request: Request, error: SignInNeeded) -> Response:
        if "hx-request" in request.headers:
            return Response(headers={"HX-Redirect": error.address})
        return RedirectResponse(error.address, HTTPStatus.SEE_OTHER)


def _install_those_of_values(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> Response:
        bad = [_bad_value(each) for each in error.errors()]
        if not request.url.path.startswith((FOR_STRANGERS, *FOR_PROGRAMS)):
            said = "; ".join(f"{each.field}: {each.says}" for each in bad[:SHOWN])
            return _page(request, HTTPStatus.UNPROCESSABLE_ENTITY, said, None)
        return _invalid_rows(bad)

    @app.exception_handler(InvalidRowsError)
    def _unusable(request: Request, error: InvalidRowsError) -> Response:
        del request
        return _invalid_rows(error.errors)

    @app.exception_handler(InputError)
    def _refused(request: Request, error: InputError) -> Response:
        status = HTTPStatus.NOT_FOUND if isinstance(error, NotFoundError) else HTTPStatus.CONFLICT
        return problem(request, status, str(error))


def _install_those_of_the_database(app: FastAPI) -> None:
    @app.exception_handler(DataError)
    def _unusable_value(request: Request, error: DataError) -> Response:
        log.warning("value_not_stored", says="a value cannot be stored: {error}", error=error.orig)
        detail = "a value has characters that cannot be stored, such as NUL, or is out of range"
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail)

    @app.exception_handler(DatabaseUnavailable)
    @app.exception_handler(OperationalError)
    def _unavailable(request: Request, error: Exception) -> Response:
        # The cause names hosts and files; it stands in the log and is nobody's business outside.
        log.warning("page_without_database", says="the database failed: {error}", error=error)
        detail = "the database does not answer; nothing is lost, send the same request again"
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": RETRY_SECONDS})


def _invalid_rows(errors: Sequence[BadValue]) -> Response:
    rows = sorted({each.row for each in errors if each.row is not None})
    first = set(rows[:SHOWN])
    shown = [each for each in errors if each.row is None or each.row in first]
    where = f"{len(rows)} rows cannot be used" if rows else "the request cannot be used"
    return _json(
        Problem(
            title=HTTPStatus.UNPROCESSABLE_ENTITY.phrase,
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            detail=f"{where}; nothing was written",
            bad_rows=len(rows) if rows else None,
            errors=shown,
        )
    )


def _bad_value(error: Mapping[str, Any]) -> BadValue:
    """Say where a value stands: ("body", "events", 3, "sent", "to") is the field "to" of row 3."""
    if error["type"] == "json_invalid":
        return BadValue(field="body", says=f"no JSON: {error['ctx']['error']} at character {error['loc'][-1]}")
    place = [each for each in error["loc"] if each not in {"body", "query", "path", "header"}]
    row = next((each for each in place if isinstance(each, int)), None) if len(error["loc"]) > _ITEM else None
    names = [str(each) for each in place if each != row]
    return BadValue(row=row, field=names[-1][:LONGEST_SAID] if names else "body", says=str(error["msg"])[:LONGEST_SAID])


_ITEM = 2
"""A place of a row is at least the body, a list and a number."""


def _json(answer: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(answer.model_dump(exclude_none=True), answer.status, headers, MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how a route's failures stand in the API's description."""
    said: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
        said[status] = {"description": _MEANS[status], "content": {MEDIA_TYPE: schema}}
    return said


_MEANS = {
    400: "The request could not be read, or its Idempotency-Key is none.",
    401: "No token, or one that is not (or no longer) in use.",
    403: "The token has no scope for this.",
    404: "What the request names is not there.",
    409: "It contradicts what is known, or the same request is being worked on (then with Retry-After).",
    413: "The body is larger than 16 MB; of a webhook, than 1 MB.",
    422: "Values that cannot be used; nothing was written. Or an Idempotency-Key of another request.",
    503: "The database does not answer; send the same request again after Retry-After seconds.",
}


def describe(app: FastAPI) -> None:
    """Let the API's description say what failures look like; the framework's own form of them is never sent."""
    framework = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schemas = framework()["components"]["schemas"]
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            ours = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= ours.pop("$defs")
            schemas["Problem"] = ours
        assert app.openapi_schema is not None  # noqa: S101 - the framework keeps what it made
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign] # the framework's documented way to extend it
