"""What may be given of a mailbox, and what follows from that; a value that means nothing is refused by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from models.tables.mailboxes import SignIn
from worker.errors import InputError
from worker.oauth.providers import KINDS
from worker.sending.sends import ADDRESS, LONGEST_ADDRESS

PORTS: Final = {"tls": 993, "starttls": 143, "plain": 143}
HIGHEST_PORT: Final = 65_535
LONGEST: Final = {
    "host": 255, "username": 320, "password": 4_000, "ca_file": 4_000,
    "bounces_to": 500, "opt_outs_to": 500, "sent_folder": 500,
}  # fmt: skip
"""Characters of what is given as text."""
MAY_BE_EMPTY: Final = frozenset({"ca_file", "bounces_to", "opt_outs_to", "sent_folder"})
LISTS: Final = ("addresses", "opt_out_aliases", "authserv_ids", "folders")
LONGEST_ITEM: Final = 500
FLAGS: Final = ("read_junk", "learn_sends")


def new_columns(name: str, sign_in: SignIn, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a new mailbox: what was given of it, and what follows from that.

    Args:
        name: its address.
        sign_in: what its server is shown.
        given: columns; one that signs in with a password needs `host` and `password`.

    Raises:
        InputError: something is missing, or means nothing.
    """
    name = name.strip().lower()
    if len(name) > LONGEST_ADDRESS or not ADDRESS.fullmatch(name):
        raise InputError(f"a mailbox is named by its address, and {name!r} is none")
    columns = read_columns(given)
    if sign_in is SignIn.PASSWORD:
        for needed in ("host", "password"):
            if needed not in columns:
                raise InputError(f"{name}: {needed} is missing")
    elif "password" in columns:
        raise InputError(f"{name} signs in with {sign_in.value.capitalize()}, and then it has no password")
    else:
        columns |= {"password": "", "host": columns.get("host", KINDS[sign_in].host)}
    security = columns.setdefault("security", "tls")
    see_encrypted(name, sign_in, security)
    return {"port": PORTS[security], "username": name} | columns | {"name": name, "sign_in": sign_in}


def read_columns(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given as columns.

    Raises:
        InputError: a value means nothing; names it.
    """
    columns = {name: None if name in MAY_BE_EMPTY and value == "" else value for name, value in given.items()}
    for name, value in columns.items():
        if problem := _problem(name, value):
            raise InputError(f"{name} {problem}")
    return columns


def see_encrypted(name: str, sign_in: SignIn, security: str) -> None:
    """Refuse to show access tokens to everybody on the way (RFC 7628 section 3)."""
    if sign_in is not SignIn.PASSWORD and security == "plain":
        raise InputError(
            f"{name}: access tokens are shown over encrypted connections only, and security is 'plain'; give"
            f" --security tls (inbox-worker mailboxes set {name} --security tls)"
        )


def _problem(name: str, value: Any) -> str | None:
    """Return what is wrong with a column's value, if anything is."""
    if name in LONGEST:
        well = (value is None and name in MAY_BE_EMPTY) or _is_text(value, LONGEST[name])
        return None if well else f"is one line of at most {LONGEST[name]} characters"
    if name in LISTS:
        well = isinstance(value, list) and all(_is_text(each, LONGEST_ITEM) for each in value)
        return None if well else f"is a list, each of one line of at most {LONGEST_ITEM} characters"
    if name in FLAGS:
        return None if isinstance(value, bool) else "is yes or no"
    if name == "port":
        return (
            None if isinstance(value, int) and 1 <= value <= HIGHEST_PORT else f"is a number from 1 to {HIGHEST_PORT}"
        )
    if name == "security":
        return None if value in PORTS else f"is one of {', '.join(PORTS)}"
    return "is nothing that can be given of a mailbox"


def _is_text(value: Any, most: int) -> bool:
    # Lines would be orders of their own to a server.
    return isinstance(value, str) and 0 < len(value) <= most and not {"\0", "\r", "\n"} & set(value)
