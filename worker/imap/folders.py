r"""Finds the folder of a special use, such as \Sent or \Junk (RFC 6154)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError
from imapclient.imap_utf7 import decode
from imapclient.response_parser import parse_response

_USES: Final = frozenset({"\\all", "\\archive", "\\drafts", "\\flagged", "\\junk", "\\sent", "\\trash"})
_CLOSED: Final = frozenset({"\\noselect", "\\nonexistent"})
_NAMES: Final = {
    "\\sent": (
        *("sent", "sent items", "sent mail", "sent messages", "sent-mail"),
        *("gesendet", "gesendete elemente", "gesendete objekte", "gesendete nachrichten"),
        *("envoyés", "éléments envoyés", "messages envoyés", "enviados", "elementos enviados", "mensajes enviados"),
        *("itens enviados", "mensagens enviadas", "e-mails enviados", "posta inviata", "inviati", "inviata"),
        *("verzonden items", "verzonden", "verzonden berichten", "skickat", "skickade objekt", "sendt", "sendt post"),
        *("sendte elementer", "lähetetyt", "wysłane", "elementy wysłane", "odeslané", "odeslaná pošta", "odoslané"),
        *("elküldött elemek", "elküldött", "trimise", "elemente trimise", "gönderilmiş öğeler", "gönderilenler"),
        *("отправленные", "надіслані", "відправлені", "изпратени", "απεσταλμένα", "送信済み", "送信済みメール"),
        *("送信済みアイテム", "已发送", "已发送邮件", "已傳送郵件", "寄件備份", "보낸 편지함", "보낸편지함"),
        *("보낸 메일함", "đã gửi", "thư đã gửi", "terkirim", "المرسلة", "דואר יוצא", "נשלח"),
    ),
    "\\junk": (
        *("junk", "junk e-mail", "junk email", "junk mail", "spam", "bulk mail", "bulk", "quarantine"),
        *("junk-e-mail", "spamverdacht", "spam-verdacht", "unerwünscht", "courrier indésirable", "indésirables"),
        *("pourriel", "correo no deseado", "no deseado", "lixo eletrônico", "lixo electrónico", "lixo eletrónico"),
        *("posta indesiderata", "indesiderata", "ongewenste e-mail", "ongewenst", "skräppost", "uønsket mail"),
        *("uønsket post", "søppelpost", "roskaposti", "wiadomości-śmieci", "nevyžádaná pošta", "nevyžiadaná pošta"),
        *("levélszemét", "mesaje nedorite", "e-mail nedorit", "önemsiz", "önemsiz e-posta", "istenmeyen posta"),
        *("спам", "нежелательная почта", "небажана пошта", "нежелана поща", "ανεπιθύμητα", "迷惑メール", "垃圾邮件"),
        *("垃圾郵件", "垃圾箱", "정크 메일", "스팸", "스팸메일함", "스팸 메일함", "thư rác", "البريد العشوائي"),
        *("البريد غير الهام", "דואר זבל"),
    ),
    "\\archive": (
        *("archive", "archives", "archiv", "archivo", "arquivo", "archivio", "archief", "arkiv", "arkisto"),
        *("archiwum", "archív", "archívum", "arhivă", "arşiv", "архив", "архів", "αρχείο", "アーカイブ", "存档"),
        *("归档", "封存", "보관", "보관함", "lưu trữ", "arsip", "الأرشيف", "ארכיון"),
    ),
}
# Where servers keep folders that are not at the top.
_PARENTS: Final = frozenset({"", "inbox", "[gmail]", "[google mail]"})

INBOX: Final = "INBOX"
ALL, JUNK, TRASH = "\\All", "\\Junk", "\\Trash"


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of a LIST answer: its attributes in lower case, its parent and own name."""

    path: str
    attributes: frozenset[str]
    parent: str
    name: str

    @property
    def uses(self) -> frozenset[str]:
        r"""Return its special uses in lower case, such as \junk."""
        return self.attributes & _USES


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that is read, and whether it holds what the server takes for junk."""

    path: str
    junk: bool = False


def to_read(wanted: Sequence[str], folders: Sequence[Folder], *, junk: bool) -> list[Place]:
    r"""Return the folders of a mailbox that are read, each mail once and junk last.

    Where the folder of all mail is among them, it stands for every folder whose mail it holds: all but junk and trash
    (RFC 6154 leaves open what else; so does Gmail).

    Args:
        wanted: paths, or special uses such as r"\Archive"; empty: the inbox.
        folders: what the mailbox has.
        junk: whether the junk folder is read too, if there is one.
    """
    by_path = {folder.path: folder for folder in folders}
    paths = [_path(name, folders) for name in wanted or (INBOX,)]
    if any(_is(by_path.get(path), ALL) for path in paths):
        kept = (ALL, JUNK, TRASH)
        paths = [path for path in paths if path not in by_path or any(_is(by_path[path], use) for use in kept)]
    found = find(folders, JUNK)
    if junk and found:
        paths.append(found)
    places = [Place(path, junk=path == found or _is(by_path.get(path), JUNK)) for path in dict.fromkeys(paths)]
    return sorted(places, key=lambda place: place.junk)


def _path(name: str, folders: Sequence[Folder]) -> str:
    """Return the path that a name or a special use means; one that does not exist fails where it is opened."""
    if name.upper() == INBOX:
        return INBOX
    return (find(folders, name) if name.startswith("\\") else None) or name


def _is(folder: Folder | None, use: str) -> bool:
    """Say whether a folder has a special use, by its attribute or by a well-known name."""
    if folder is None:
        return False
    named = folder.name in _NAMES.get(use.lower(), ()) and folder.parent in _PARENTS
    return use.lower() in folder.uses or (named and not folder.uses)


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
    marked = [folder for folder in folders if folder.uses]
    if marked:
        return next((folder.path for folder in marked if wanted in folder.uses), None)
    for name in _NAMES.get(wanted, ()):
        for folder in folders:
            if folder.name == name and folder.parent in _PARENTS:
                return folder.path
    return None


@lru_cache(4_096)  # Mailboxes of one provider have the same folders, and those of thousands are remembered.
def _folder(attributes: object, delimiter: object, name: object) -> Folder:
    # A folder called 2024 comes as a number.
    path = decode(name) if isinstance(name, bytes) else str(name)
    between = delimiter.decode("ascii", "replace") if isinstance(delimiter, bytes) else ""
    parent, _, own = path.lower().rpartition(between) if between else ("", "", path.lower())
    flags = attributes if isinstance(attributes, tuple) else ()
    return Folder(path, frozenset(str(flag, "ascii", "replace").lower() for flag in flags), parent, own)
