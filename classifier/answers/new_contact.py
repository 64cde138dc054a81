"""Whom does a notice name instead? Its own address, ours and a list's are nobody; business comes before all else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from classifier.answers.templates import compiled
from classifier.context import Case
from classifier.decode import addresses_in

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
_NOT_TO = re.compile(
    r"\b(?:do not|don't|never|no longer|nicht mehr|bitte nicht|ne|no|nao|niet|nie) (?:\w+ ){0,2}"
    r"(?:contact|write|e-?mail|reply|respond|use|forward|contact\w+|ecri\w+|escrib\w+|pis\w+)\b[^.,;]{0,30}$"
)
_CLAUSE_END = re.compile(r"[.!;](?=\s|$)|\n\s*\n")
_LABEL = re.compile(
    r"(?:^|[\n|,])\s{0,3}(?:e-?mail|mail|e|m)(?: address)?\s?:\s{0,3}<?$|\byour (?:message|e-?mail|mail|request) to <?$"
)
"""What stands before an address and says nothing of what it is for."""
_BEFORE, _AFTER = 160, 60
"""Characters around an address in which a word must say what it is for."""


def new_contact(case: Case) -> str | None:
    """Return the address the notice sends us to, in lower case, or None: a telephone number is no address."""
    text = case.folded
    if "@" not in text:
        return None
    # Folding makes another domain of one with accents.
    written = frozenset(addresses_in(case.text))
    known = {case.parsed.from_address, *case.parsed.to_addresses, *case.context.own_addresses}
    known |= case.context.opt_out_aliases
    found = [
        (rank, address)
        for address, clause, said in _addresses(text)
        if address in written
        and address not in known
        and not _NOBODY.match(address)
        and (rank := _rank(clause, said)) is not None
    ]
    return min(found, key=lambda each: each[0], default=(0, None))[1]


def _addresses(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each address, the clause before it, and what is said of it: between the addresses around, in its clause."""
    end = 0
    for address in addresses_in(text):
        at = text.find(address, end)
        if at < 0:
            continue
        clause = _CLAUSE_END.split(text[max(0, at - _BEFORE) : at])[-1]
        before, end = max(end, at - len(clause)), at + len(address)
        after = _CLAUSE_END.split(text[end : end + _AFTER])[0].partition("@")[0].partition(",")[0]
        yield address, clause, f"{text[before:at]} {after}"


def _rank(clause: str, said: str) -> int | None:
    """Rank an address by the words around it; None where nothing says that we may write to it."""
    instead = _INSTEAD.search(said)
    if _LIST.search(clause) or _NOT_TO.search(clause) or not (instead or _CUE.search(_LABEL.sub("", clause))):
        return None
    if _OTHERWISE.search(said):
        return 2
    return 0 if instead else 1
