"""Who may do what in the console and over the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from models.tables.people import Role


class May(StrEnum):
    """What a page or an endpoint asks of whoever calls it."""

    VIEW = "view"
    """Read everything of the team."""
    EDIT = "edit"
    """Statuses, Do Not Email, addresses of the same person."""
    REVIEW = "review"
    """Say what a mail is."""
    TEACH = "teach"
    """Labels, and which classifier serves."""
    ADMIN = "admin"
    """Mailboxes, automations, webhooks, users, tokens."""
    SEND = "sending"
    """What the sending side tells and asks; no person does."""

    @property
    def scope(self) -> str:
        """The least scope of a token that gives the right."""
        return "edit" if self is May.REVIEW else self.value


OF_ROLE: Mapping[Role, frozenset[May]] = {
    Role.VIEWER: frozenset({May.VIEW}),
    Role.EDITOR: frozenset({May.VIEW, May.EDIT, May.REVIEW}),
    Role.DATA_STAFF: frozenset({May.VIEW, May.REVIEW, May.TEACH}),
    Role.ADMIN: frozenset({May.VIEW, May.EDIT, May.REVIEW, May.TEACH, May.ADMIN}),
}

OF_SCOPE: Mapping[str, frozenset[May]] = {
    "sending": frozenset({May.SEND}),
    "view": frozenset({May.VIEW}),
    "edit": frozenset({May.VIEW, May.EDIT, May.REVIEW}),
    "teach": frozenset({May.VIEW, May.REVIEW, May.TEACH}),
    "admin": frozenset({May.VIEW, May.ADMIN}),
}
"""The scopes of tokens (`worker.people.api_tokens.SCOPES`); a token may have several."""


def of_scopes(scopes: Iterable[str]) -> frozenset[May]:
    """Return what a token with these scopes may do; a scope that is not known any more gives nothing."""
    return frozenset[May]().union(*(OF_SCOPE.get(scope, frozenset()) for scope in scopes))
