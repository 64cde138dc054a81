"""Does a text ask for no more mail? The patterns of `optout_words`, minding a "not", a quotation, or a meeting."""

from __future__ import annotations

import re

from classifier.optouts.optout_words import ALONE, PATTERNS, UNSUBSCRIBE
from classifier.phrases import Phrases

_ASKS = Phrases(*PATTERNS)
_NOT_BEFORE = re.compile(
    r"(?:\b(?:not|do(?:n't|nt| not)(?! you\b)|never|no need to|without|instead of|rather than|didn't|did not|won't|"
    r"before (?:i|you|we)|if i (?:want|wanted|wish) to|"
    r"nicht|kein(?:e|en)?|pas|no|nao|non|niet|nie|sans|ohne)\b[^.!?\n,;:]{0,12})$"
)
_MODAL = r"(?:(?:should|must|can|could|have|had|need|needed|want|wanted|would|like|to|ever|just|really|now) ){0,3}"
_NEVER_SAID = re.compile(
    # "never asked you to", "didn't say that you should"
    r"\b(?:never|not|\w{2,6}n't|nobody|no one) (?:(?:really|ever|even|once|actually) )?"
    r"(?:(?:ask|want|tell|told|expect|request|need)(?:ed|ing)? (?:you|him|her|them|any\w{1,5}|(?:your|the) \w{1,20}) "
    r"to (?:ever )?"
    rf"|(?:say|said|saying|mean|meant|think|thought) (?:that )?(?:(?:you|i|we|they) {_MODAL})?)$"
    # "nie gesagt, dass Sie mich", "nie darum gebeten, mich"
    r"|\b(?:nie|niemals|nicht)(?: \w{1,20}){0,3},? dass (?:(?!und |sondern |bitte )\w{1,20} ){0,4}$"
    r"|\b(?:nie|niemals|nicht) (?:\w{1,20} ){0,3}(?:gebeten|verlangt|gewollt|gefordert|gewunscht),? "
    r"(?:mich|uns|meine \w{1,20}) $"
    r"|\b(?:jamais|pas) (?:demande|dit|voulu|souhaite|exige) (?:a \w{1,20} )?(?:de |d'|que )"
    r"(?:(?:vous|tu|je) \w{1,20} )?(?:de )?$"
    r"|\b(?:nunca|no|jamas) (?:(?:he|les?|te|hemos) )?(?:pedi|pedido|pedimos|dije|dicho|dijimos|quiero|queremos|quise|"
    r"solicite|solicitado) (?:(?:que|de) )?(?:(?:me|nos|quiera|quiero|usted|ustedes) ){0,2}$"
)
"""Somebody tells what they did not ask for; only words that lead right up to the request deny it."""
_ANOTHER = re.compile(
    r"(?<!you )(?<!do )(?<!does )(?<!can )(?<!could )(?<!will )(?<!would )"
    r"\b(?:he|she|they|somebody|someone|people|users)"
    r"(?: (?!(?:i|we|me|us|my|our|please|must|should|can|could|would|needs?|has|have)\b)[\w'-]{1,20}){0,6} $"
)
_LEAVING = re.compile(r"(?:get|sign) off\b")
"""Another one's leaving is told, without a word of who should do something about it."""
_INSTRUCTION = re.compile(
    r"\bin the (?:message )?body\b|\bbody of (?:an?|the|your) (?:e-?mail|mail|message)\b|"
    r"\bfollowing (?:text|line|command)\b|\bgo here\b"
)
"""Somebody is told how it is done; a line "unsubscribe" is then what to write."""
_HERE = re.compile(
    r"\b(?:to|at|via|on|an|auf|unter|uber|a|en|sur) (?:this|that|the above|diese[rsnm]?|cette|este|esta|esa|ce) "
    r"(?:\S{1,20} )?(?:address|mail ?box|inbox|account|e-?mail|adresse|postfach|mailadresse|boite|direccion|buzon|"
    r"correo|compte)\b|\b(?:here|hier|hierher|ici|aqui)\b"
)
_ELSEWHERE = re.compile(
    r"@|\b(?:use|using|instead|via|through|call|phone|portal|unmonitored|unattended|not (?:monitored|read|attended|"
    r"checked)|stattdessen|sondern|nutzen|verwenden|nicht (?:mehr )?(?:gelesen|betreut|uberwacht|gultig)|utilisez|"
    r"plutot|plus (?:consultee?|utilisee?|relevee?|lue?)|usen?|utilicen?|no se (?:revisa|lee|usa|utiliza))\b"
)
"""Nobody reads the address, or there is another way to reach somebody."""
_AN_END = re.compile(
    r"\b(?:list|verteiler|liste|lista|advert|marketing|newsletter|werb|spam|publici|promo|offer|commercial)"
)
_NOT_MAIL = re.compile(
    r"\b(?:cc|bcc|thread|meeting|call|calendar|invite|invitation|channel|group chat|board|agenda|project)\b"
)
_COMMAND = re.compile(rf"^(?:please |pls )?{UNSUBSCRIBE}(?! (?:yourself|here|link|button|page|list does))\b")
_COMMAND_WORDS = 4
"""What people who once used mailing lists write: the word, and the address or the list."""
_SHORT = 30
"""Words; in a longer text a line of one word is rather a link in somebody's footer."""
_CLAUSE_END = re.compile(r"[.!?;,:\n]")
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


def asks_to_stop(text: str, *, by_machine: bool = False) -> str | None:
    """Return the words that ask for no more mail, or None; `text` is folded and the sender's own.

    A machine's answer must say it in a sentence: a line "unsubscribe" in it is a link.
    """
    if not by_machine and (alone := _alone(text)):
        return alone
    # A wrapped line goes on: only an empty line, or the end of a sentence, ends one.
    flowing = text.replace("\n\n", ".\x00").replace("\n", " ").replace("\x00", "\n")
    asked = (found for _, found in _ASKS.finditer(flowing) if _meant(flowing, found))
    first = next((found for found in asked if not (by_machine and _is_about_its_address(flowing, found))), None)
    return first[0].strip()[:100] if first else None


def _meant(text: str, found: re.Match[str]) -> bool:
    """Say whether the words stand for themselves: not quoted, no "not" before them, no meeting to be removed from."""
    if text.count('"', max(0, text.rfind("\n", 0, found.start())), found.start()) % 2:
        return False
    before, after = text[max(0, found.start() - 80) : found.start()], text[found.end() : found.end() + 25]
    denied = (
        _NOT_BEFORE.search(before)
        or _NEVER_SAID.search(before)
        or (_LEAVING.match(found[0]) and _ANOTHER.search(before))
    )
    return not denied and not _NOT_MAIL.search(found[0] + after)


def _is_about_its_address(text: str, found: re.Match[str]) -> bool:
    """Say whether a machine only sends us elsewhere, since its own address is none to write to."""
    if not _ELSEWHERE.search(text):
        return False
    said = found[0] + _CLAUSE_END.split(text[found.end() : found.end() + 60], maxsplit=1)[0]
    return _HERE.search(said) is not None and not _AN_END.search(said)


def _alone(text: str) -> str | None:
    if len(text) > 2_000 or len(text.split()) > _SHORT or _INSTRUCTION.search(text):  # noqa: PLR2004 - characters
        return None
    for line in re.split(r"[\n.!;]", text):
        bare = _EDGES.sub("", line)
        if "?" not in line and (bare in ALONE or (_COMMAND.match(bare) and len(bare.split()) <= _COMMAND_WORDS)):
            return bare
    return None


def is_request(subject: str) -> str | None:
    """Return the folded subject where it is nothing but the request itself."""
    bare = _EDGES.sub("", subject)
    return bare if bare in ALONE else None
