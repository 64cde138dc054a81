"""Whom does a notice name instead? Its own address, ours and a list's are nobody; business comes before all else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from itertools import islice
from urllib.parse import unquote

from classifier.answers.templates import compiled
from classifier.context import Case
from classifier.decode import addresses_in, valid_address
from classifier.folding import folded

_CUE = compiled([
    (r"contact|reach|write|e-?mail|mail to|direct|forward|send|assist|urgent|instead|colleague|address|successor|"
    r"replac|use|to:|at:"),
    r"wenden|kontakt|schreiben|erreichen|dringend|vertret|adresse|an meine|nachfolg|ansprechpartner",
    r"écrire|joindre|adress|remplac|urgence|contactez|successeur|collègue",
    r"dirig|escrib|urgen|dirección|sustitu|contact",
    r"rivolg|scriv|sostitu|indirizzo|contatt",
    r"encaminh|contat|endereço|substitu|escrev",
    r"mail naar|bereik|vervang|adres|opvolg",
    r"pisać|prosz|spraw|zastęp|następc|adres",
    r"kontakta|kontakt|ota yhteyttä|обращ|пиши|адрес",
])  # fmt: skip
"""A word before an address says what it is for."""
_INSTEAD = compiled([
    (r"business|sales|commercial|instead|replac|successor|taken over|took over|taking over|covering for|colleague|"
    r"stand(?:s|ing) in|in my absence|new (?:e-?mail )?address|new e-?mail|deput"),
    r"geschäft|nachfolg|vertret|kolleg|stattdessen|neue (?:e-?mail-?)?adresse|vertrieb",
    r"remplac|successeur|collègue|nouvelle adresse|commercia",
    r"sustitu|compañer|nueva dirección|comercial|sostitu|collega|nuovo indirizzo|successore",
    r"substitu|colega|novo (?:endereço|e-?mail)|sucessor",
    r"vervang|opvolg|collega|nieuwe? (?:e-?mail-?)?adres",
    r"zastęp|następc|koleg|koleżank|nowy adres",
])  # fmt: skip
_OTHERWISE = compiled([
    (r"private|personal|\bjobs?\b|application|recruit|career|press\b|media\b|invoice|billing|accounting|technical|"
    r"helpdesk|it support|bewerbung|technisch|privat|presse|rechnung|candidature|facture|factura|fattura|candidatur"),
])  # fmt: skip
"""What an address is for that does not concern us."""
_NOBODY = re.compile(
    r"(?:no-?reply|do-?not-?reply|noreply|postmaster|mailer-daemon|abuse|owner-|unsubscribe|listserv|majordomo)|"
    r"[^@]*-(?:request|unsubscribe|leave|bounces|owner|help)@"
)
_LIST = re.compile(
    r"unsubscri|mailing list|newsletter|to leave|abmelden|abbestell|desabonn|confidential|vertraulich|addressee|"
    r"intended recipient"
)
_NOT_TO = compiled([
    (
        r"\b(?:do not|don't|dont|never|not to|no longer) (?:please |ever |try to |directly )?(?:contact|write|e-?mail|"
        r"mail|reply|respond|answer|send|use|reach|forward|message|call)\b"
        r"(?: (?!but|and|instead|please|use|write|contact)[^ ]{1,30}){0,6}[^\w]{0,3}$"
    ),
    r"\b(?:nicht|niet) (?:mehr |länger |meer )?(?:an |unter |über |naar |aan |op |via )?(?:die adresse )?$",
    r"\bn(?:e |')(?:écri|contact|envoy|utilis|répond)\w{0,8} (?:pas|plus)(?: (?!mais|et)[^ ]{1,30}){0,4}[^\w]{0,3}$",
    r"\bne (?:pas|plus) (?:écri|contact|envoy|utilis|répond)\w{0,8}(?: (?!mais|et)[^ ]{1,30}){0,4}[^\w]{0,3}$",
    (
        r"\b(?:no|não|non) (?:escrib|escrev|scriv|contact|contat|us[ea]|envi|invi|utili[cz])\w{0,8}"
        r"(?: (?!sino|mas|ma)[^ ]{1,30}){0,4}[^\w]{0,3}$"
    ),
    r"\bnie (?:pis|kontakt)\w{0,8}(?: (?!ale|lecz)[^ ]{1,30}){0,4}[^\w]{0,3}$",
])  # fmt: skip
"""What forbids the address right behind it."""
_CLAUSE_END = re.compile(r"[.!;](?=\s|$)|\n\s*\n")
_LABEL = re.compile(
    r"(?:^|[\n|,])\s{0,3}(?:e-?mail|mail|e|m)(?: address)?\s?:\s{0,3}<?$|\byour (?:message|e-?mail|mail|request) to <?$"
)
"""What stands before an address and says nothing of what it is for."""
_LINK = re.compile(
    r"""<a\b[^<>]{0,200}\bhref=["']?mailto:([^"'?<>\s]{3,320})[^<>]{0,300}>\s{0,9}(?:<[^<>]{0,200}>\s{0,9}){0,5}([^<>]{1,200})""",
    re.IGNORECASE,
)
_MOST_LINKS = 20
_BEFORE, _AFTER = 160, 60
"""Characters around an address in which a word must say what it is for."""


def new_contact(case: Case) -> str | None:
    """Return the address the notice sends us to, in lower case, or None: a telephone number is no address."""
    text = case.folded
    if "@" not in text and not _has_links(case):
        return None
    # Folding makes another domain of one with accents.
    written = frozenset(addresses_in(case.text))
    known = {case.parsed.from_address, *case.parsed.to_addresses, *case.context.own_addresses}
    known |= case.context.opt_out_aliases
    found = [
        (rank, address)
        for address, clause, said in (*(each for each in _addresses(text) if each[0] in written), *_links(case))
        if address not in known and not _NOBODY.match(address) and (rank := _rank(clause, said)) is not None
    ]
    return min(found, key=lambda each: each[0], default=(0, None))[1]


def _addresses(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each address, the clause before it, and what is said of it: between the addresses around, in its clause.

    In a folded text they stand as they are found, in small letters.
    """
    end = 0
    for address in addresses_in(text):
        at = text.index(address, end)
        clause = _CLAUSE_END.split(text[max(0, at - _BEFORE) : at])[-1]
        before, end = max(end, at - len(clause)), at + len(address)
        after = _CLAUSE_END.split(text[end : end + _AFTER])[0].partition("@")[0].partition(",")[0]
        yield address, clause, f"{text[before:at]} {after}"


def _has_links(case: Case) -> bool:
    return not case.parsed.plain and "mailto:" in (case.parsed.html or "")


def _links(case: Case) -> Iterator[tuple[str, str, str]]:
    """Yield what `_addresses` does for links of a mail without plain text, whose own words show only their names."""
    if not _has_links(case):
        return
    for link in islice(_LINK.finditer(case.parsed.html or ""), _MOST_LINKS):
        address, name = valid_address(unquote(link[1])), folded(" ".join(unescape(link[2]).split()))
        at = case.folded.find(name) if name else -1
        if address and at >= 0:
            clause = _CLAUSE_END.split(case.folded[max(0, at - _BEFORE) : at + len(name)])[-1]
            yield address, clause, clause


def _rank(clause: str, said: str) -> int | None:
    """Rank an address by the words around it; None where nothing says that we may write to it."""
    instead = _INSTEAD.search(said)
    if _LIST.search(clause) or _NOT_TO.search(clause) or not (instead or _CUE.search(_LABEL.sub("", clause))):
        return None
    if _OTHERWISE.search(said):
        return 2
    return 0 if instead else 1
