"""The errors a user may meet: few, and each message names the place and the next step."""

from __future__ import annotations


class InboxWorkerError(Exception):
    """The root: whatever goes wrong for a reason we know."""


class InputError(InboxWorkerError):
    """What somebody gave us (a file, a name, a value) cannot be used."""


class MailboxError(InboxWorkerError):
    """A mailbox cannot be read now; `permanent` says that trying again changes nothing until a person acts."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent
