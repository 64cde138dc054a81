"""The errors a user may meet: few, and each message names the place and the next step."""

from __future__ import annotations

from enum import StrEnum


class InboxWorkerError(Exception):
    """The root: whatever goes wrong for a reason we know."""


class InputError(InboxWorkerError):
    """What somebody gave us (a file, a name, a value) cannot be used."""


class NotFoundError(InputError):
    """What an id or a name stands for is not there, or is another team's."""


class SettledError(InputError):
    """Somebody else has answered the question in the meantime."""


class Trouble(StrEnum):
    """What kind of trouble a mailbox is in; it decides how long one waits, not what a person is told."""

    SIGN_IN = "sign-in refused"
    THROTTLED = "throttled"
    CROWDED = "too many connections"
    QUOTA = "over a limit"
    UNAVAILABLE = "unavailable"
    NETWORK = "network"
    """Also a session that the server ended when it liked."""
    NAME = "host name"
    TLS = "TLS"
    FOLDER = "folder"
    PROTOCOL = "protocol"
    BUDGET = "budget used up"
    """Ours: `worker.writing.traffic`."""
    TURN = "waits for its turn"
    """Ours: `worker.imap.manners.Hosts`."""
    OTHER = "other"


class MailboxError(InboxWorkerError):
    """A mailbox cannot be read now; `permanent` says that trying again changes nothing until a person acts."""

    def __init__(self, message: str, *, permanent: bool, trouble: Trouble = Trouble.OTHER) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.trouble = trouble
        self.backlog: int | None = None
        """Messages that were known to wait when it happened; None: nobody had asked."""
