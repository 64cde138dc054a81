"""What a mail server's refusal means: its response codes (RFC 5530, RFC 9051 7.1) and providers' well-known words.

The words matter more than the codes: several providers put one and the same code before refusals of every kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from worker.errors import Trouble

ASKS_LESS: Final = frozenset({Trouble.THROTTLED, Trouble.CROWDED, Trouble.QUOTA})
"""The server is well, and wants to be asked less."""
_PASSING: Final = ASKS_LESS | {Trouble.UNAVAILABLE, Trouble.NETWORK}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refusal means, and whether only a person can mend it.

    `advice` is a template for `str.format` that may name `name` (the mailbox's), `username`, `security`, `ca_file`,
    `timeout` and `renew`, the command by which a mailbox is given what it signs in with.
    """

    trouble: Trouble
    permanent: bool
    advice: str


def passes(trouble: Trouble, advice: str) -> Refusal:
    """Return a refusal that ends by itself."""
    return Refusal(trouble, permanent=False, advice=advice)


def stays(trouble: Trouble, advice: str) -> Refusal:
    """Return a refusal that a person has to mend."""
    return Refusal(trouble, permanent=True, advice=advice)


REFUSED: Final = stays(
    Trouble.SIGN_IN,
    "check user name {username!r} and its password (many providers want an app password), then run: {renew}",
)
"""A sign-in that was refused without any word that says why."""

NO_PASSWORDS: Final = stays(
    Trouble.SIGN_IN, "Microsoft takes no passwords here any more: inbox-worker mailboxes sign-in {name} --microsoft"
)
NO_PASSWORDS_AT: Final = (".office365.com", ".office.com", ".outlook.com")
"""Hosts whose words for it are those for any refused sign-in ("LOGIN failed.", "AUTHENTICATE failed.")."""

# Of several that fit the first counts.
_KNOWN: Final[tuple[tuple[tuple[str, ...], Refusal], ...]] = (
    (
        # Gmail and Yahoo (an account), Dovecot (user+IP), Courier (an address).
        (
            r"too many (\w+ )?(connections|sessions)",
            r"maximum (number of )?(\w+ )?connections?",
            r"simultaneous connections",
            r"connection limit",
        ),
        passes(
            Trouble.CROWDED,
            "more programs are connected to this account, or from this address, than the server allows: end some of"
            " them, or lower INBOX_HOST_CONNECTIONS; it is tried again",
        ),
    ),
    (
        # Gmail, Microsoft ("Request is throttled. Suggested Backoff Time: ..."), Yahoo ("LOGIN Rate limit hit").
        (
            r"bandwidth limit",
            r"\[THROTTLED\b",
            r"is throttled",
            r"rate limit",
            r"too many (\w+ )?(requests|commands|logins?\b|attempts|failures|authentication)",
        ),
        passes(
            Trouble.THROTTLED,
            "the provider asks for patience, so it is left alone for a while; if this comes back, ask less of it:"
            " INBOX_POLL_SECONDS, INBOX_MAILBOX_MEGABYTES_A_DAY, INBOX_BACKFILL_MEGABYTES_A_DAY",
        ),
    ),
    (
        # Gmail ("Your account is not enabled for IMAP use"), Zoho ("You are yet to enable IMAP").
        (r"not enabled for IMAP", r"IMAP (access |use )?(is )?(disabled|not enabled|not activated)", r"enable IMAP"),
        stays(
            Trouble.SIGN_IN,
            "IMAP is switched off: switch it on in the mailbox's settings at the provider (in an organisation its"
            " administrator does), then run: inbox-worker mailboxes resume {name}",
        ),
    ),
    (
        (r"application[- ]specific password", r"app(lication)?[- ]password"),
        stays(
            Trouble.SIGN_IN,
            "the account's own password is not taken here: make an app password in the account's security settings"
            " (two-step verification has to be on), then run: {renew}",
        ),
    ),
    (
        (r"web login required", r"via your web browser", r"\[WEBALERT\b"),
        stays(
            Trouble.SIGN_IN,
            "the provider wants to see a person: sign in to the account in a web browser, confirm that it was you, and"
            " see that IMAP is switched on; then run: inbox-worker mailboxes resume {name}",
        ),
    ),
    (
        (r"basic ?auth\w* (is )?(disabled|blocked)", r"BasicAuthBlocked"),
        NO_PASSWORDS,
    ),
    (
        # Microsoft, for several reasons.
        (r"authenticated but not connected",),
        passes(
            Trouble.UNAVAILABLE,
            "the sign-in is right, but the mailbox cannot be opened now; it is tried again. If it stays, its"
            " administrator should see that IMAP is on for it, that it is licensed, and that this user may open it",
        ),
    ),
    (
        (r"AccessTokenExpired", r"session invalidated"),
        passes(Trouble.NETWORK, "the access token ran out; it is tried again with a new one"),
    ),
    (
        (
            r"\[PRIVACYREQUIRED\b",
            r"LOGINDISABLED",
            r"plain ?text (authentication|logins?) (is )?(disallowed|not allowed|disabled)",
        ),
        stays(
            Trouble.TLS,
            "the server takes passwords over encrypted connections only (now {security!r}): "
            "inbox-worker mailboxes set {name} --security tls",
        ),
    ),
    (
        (r"\[EXPIRED\b",),
        stays(Trouble.SIGN_IN, "the password has expired: choose a new one at the provider, then run: {renew}"),
    ),
    (
        (r"\[CONTACTADMIN\b", r"account (is |has been )?(disabled|suspended|locked|blocked)"),
        stays(
            Trouble.SIGN_IN,
            "only the provider's support or the mail server's administrator can mend this; afterwards run: "
            "inbox-worker mailboxes resume {name}",
        ),
    ),
    (
        (r"\[AUTHORIZATIONFAILED\b",),
        stays(
            Trouble.SIGN_IN,
            "the password is right, but user {username!r} may not open this mailbox: its administrator has to allow it,"
            " or name another: inbox-worker mailboxes set {name} --username USER",
        ),
    ),
    ((r"\[AUTHENTICATIONFAILED\b",), REFUSED),
    (
        (r"\[OVERQUOTA\b", r"quota exceeded", r"over quota"),
        passes(
            Trouble.QUOTA,
            "the mailbox is full, or a limit of the provider is used up, so it is left alone for a while; how full it"
            " is says: inbox-worker mailboxes check {name}",
        ),
    ),
    ((r"\[LIMIT\b",), passes(Trouble.QUOTA, "a limit of the server is reached; it is left alone for a while")),
    (
        (
            r"\[(UNAVAILABLE|INUSE|SERVERBUG)\b",
            r"server unavailable",
            r"temporar(y|ily)",
            r"try again later",
            r"internal (server )?error",
        ),
        passes(Trouble.UNAVAILABLE, "the server asks for patience, it is tried again"),
    ),
    (
        (r"\[CORRUPTION\b",),
        passes(Trouble.OTHER, "something is damaged on the server: tell its administrator; it is tried again"),
    ),
    (
        (r"\[NOPERM\b", r"permission denied", r"access denied"),
        stays(
            Trouble.FOLDER,
            "user {username!r} lacks the right to do this; the folder's owner or the administrator can give it",
        ),
    ),
    (
        (r"\[NONEXISTENT\b", r"doesn't exist", r"does not exist", r"unknown (mailbox|folder)", r"no such"),
        stays(
            Trouble.FOLDER, "check the folder's name among the mailbox's folders: inbox-worker mailboxes check {name}"
        ),
    ),
    ((r"\[CLIENTBUG\b",), passes(Trouble.PROTOCOL, "the server does not understand us; it is tried again")),
)
_TABLE: Final = [(re.compile("|".join(words), re.IGNORECASE), refusal) for words, refusal in _KNOWN]


def understood(words: str) -> Refusal | None:
    """Return what a server's words mean, or None where they are not known."""
    return next((refusal for pattern, refusal in _TABLE if pattern.search(words)), None)


def is_passing(words: str) -> bool:
    """Say whether a server refuses only for now."""
    refusal = understood(words)
    return refusal is not None and refusal.trouble in _PASSING
