"""Domains that belong to no one organisation: an entry on one of them would ban strangers."""

from __future__ import annotations

from functools import cache

from publicsuffixlist import PublicSuffixList

PUBLIC_PROVIDERS = frozenset(
    [
        "aol.com",
        "fastmail.com",
        "free.fr",
        "gmail.com",
        "gmx.at",
        "gmx.ch",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hey.com",
        "hotmail.com",
        "hotmail.fr",
        "icloud.com",
        "laposte.net",
        "libero.it",
        "live.com",
        "mac.com",
        "mail.com",
        "mail.ru",
        "me.com",
        "msn.com",
        "naver.com",
        "o2.pl",
        "orange.fr",
        "outlook.com",
        "outlook.de",
        "pm.me",
        "proton.me",
        "protonmail.com",
        "qq.com",
        "t-online.de",
        "tutanota.com",
        "uol.com.br",
        "wanadoo.fr",
        "web.de",
        "wp.pl",
        "yahoo.co.jp",
        "yahoo.co.uk",
        "yahoo.com",
        "yahoo.de",
        "yahoo.fr",
        "yandex.com",
        "yandex.ru",
        "ymail.com",
        "zoho.com",
        "163.com",
        "126.com",
    ]
)


def shared(domain: str) -> str | None:
    """Return what makes a domain (A-labels, lower case) one of many strangers, as a noun; None where nothing does."""
    if domain in PUBLIC_PROVIDERS:
        return "a public mail provider"
    if _suffixes().is_public(domain):
        return "a public suffix, under which anybody may have a domain"
    return None


@cache
def _suffixes() -> PublicSuffixList:
    # A top-level name that the list does not know is none. The private section counts:
    # below github.io there are as many strangers as below co.uk.
    return PublicSuffixList(accept_unknown=False)
