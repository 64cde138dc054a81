r"""Finds the folder of a special use, such as \Sent or \Junk (RFC 6154)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError
from imapclient.imap_utf7 import decode
from imapclient.response_parser import parse_response

_USES: Final = frozenset({"\\all", "\\archive", "\\drafts", "\\flagged", "\\junk", "\\sent", "\\trash"})
_CLOSED: Final = frozenset({"\\noselect", "\\nonexistent"})
_NAMES: Final = {
    "\\sent": (
        *("sent", "sent items", "sent mail", "sent messages"),
        *("gesendet", "gesendete elemente", "gesendete objekte", "envoyés", "éléments envoyés"),
        *("enviados", "elementos enviados", "posta inviata", "verzonden items"),
    ),
    "\\junk": (
        *("junk", "junk e-mail", "junk email", "spam", "bulk mail"),
        *("junk-e-mail", "spamverdacht", "courrier indésirable", "correo no deseado", "posta indesiderata"),
    ),
}
# Where servers keep folders that are not at the top.
_PARENTS: Final = frozenset({"", "inbox", "[gmail]", "[google mail]"})


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of a LIST answer: its attributes in lower case, its parent and own name."""

    path: str
    attributes: frozenset[str]
    parent: str
    name: str


def listed(client: IMAPClient) -> list[Folder]:
    """Return all folders that can be opened.

    Servers such as Cyrus mark special uses only where they are asked to, which imapclient's own listing does not.
    """
    status, lines = "NO", []
    if client.has_capability("SPECIAL-USE") and client.has_capability("LIST-EXTENDED"):
        status, lines = client._imap.list('""', '"*" RETURN (SPECIAL-USE)')  # noqa: SLF001
    if status != "OK":
        status, lines = client._imap.list('""', '"*"')  # noqa: SLF001
    if status != "OK":
        raise IMAPClientError(str(lines[-1]))
    parsed = parse_response([line for line in lines if line])
    folders = [_folder(*parsed[at : at + 3]) for at in range(0, len(parsed) - 2, 3)]
    return [folder for folder in folders if not folder.attributes & _CLOSED]


def find(folders: Sequence[Folder], use: str) -> str | None:
    """Return the path of the folder with the attribute; by its name only where no folder has any such attribute."""
    wanted = use.lower()
    marked = [folder for folder in folders if folder.attributes & _USES]
    if marked:
        return next((folder.path for folder in marked if wanted in folder.attributes), None)
    for name in _NAMES.get(wanted, ()):
        for folder in folders:
            if folder.name == name and folder.parent in _PARENTS:
                return folder.path
    return None


def _folder(attributes: object, delimiter: object, name: object) -> Folder:
    # A folder called 2024 comes as a number.
    path = decode(name) if isinstance(name, bytes) else str(name)
    between = delimiter.decode("ascii", "replace") if isinstance(delimiter, bytes) else ""
    parent, _, own = path.lower().rpartition(between) if between else ("", "", path.lower())
    flags = attributes if isinstance(attributes, tuple) else ()
    return Folder(path, frozenset(str(flag, "ascii", "replace").lower() for flag in flags), parent, own)
