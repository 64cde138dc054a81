"""The sender's own new words: without the quoted mail, the signature, and what a phone adds."""

# ruff: noqa: RUF001 - letters of many scripts look alike, and each of them is meant.
from __future__ import annotations

import re
from dataclasses import dataclass

from classifier import html
from classifier.message import ParsedMessage
from classifier.quotes import quote_starts_at

MOST_LINES = 3_000
_DELIMITER = re.compile(r"^(?:--|__|—|–)[ \t]*$|^_{4,}[ \t]*$|^-{20,}[ \t]*$")
_SENT_FROM = re.compile(
    r"^\W{0,3}(?:sent|gesendet|von meinem|envoy[ée]|enviado|inviato|verzonden|verstuurd|wysłan[eoy]|skickat|sendt|"
    r"lähetetty|отправлено|get|"
    r"télécharge[rz]?|obt[ée]n(?:er|ir)?|scarica|holen sie sich|outlook (?:für|for|pour|para)|mailed|"
    r"diese nachricht wurde)\b.{0,10}"
    r"\b(?:from|via|using|with|by|von|aus|vom|mit|meinem|depuis|de|du|à partir|mon|desde|mi|da|dal|do|meu|van|"
    r"vanaf|mijn|met|z|ze|från|fra|min|"
    r"outlook|mail|yahoo|gmail|proton|mobile|iphone|ipad|с)\b.{0,80}$",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"iphone|ipad|android|blackberry|samsung|galaxy|huawei|xiaomi|nokia|windows|outlook|yahoo|gmail|proton|mobile|"
    r"handy|phone|telefon|smartphone|tablet|mail"
    r"|\bios\b|mobil|móvil|portable|telemóvel|celular|htc|lg\b|pixel|sparrow|device|wireless|zoho",
    re.IGNORECASE,
)
_LIST_FOOTER = re.compile(
    r"^(?:.{0,60}mailing list|https?://\S*(?:listinfo|mailman)\S*|.{0,60}unsubscribe .{0,120}|to unsubscribe.*)$",
    re.IGNORECASE,
)
_AFTER_SENT_FROM = 3
"""Lines a phone's footer may have below it; more than that is text."""


@dataclass(frozen=True, slots=True)
class OwnWords:
    """What the sender wrote now; `quoted_alone` says that the mail holds nothing but a quoted one."""

    text: str
    quoted_alone: bool = False


def own_words(parsed: ParsedMessage) -> OwnWords:
    """Return the sender's own new words of a message."""
    if not parsed.plain and parsed.html:
        text = html.own_text(parsed.html)
        return strip_text(text or "")
    return strip_text(parsed.plain)


def strip_text(text: str) -> OwnWords:
    """Return a plain text without quoted mail, signature and phone footer; when in doubt, all of it."""
    lines = [line.replace("\xa0", " ").rstrip() for line in text.split("\n")[:MOST_LINES]]
    unquoted, cut = _without_quotes(lines)
    own = _join(_without_footers(unquoted))
    if own:
        return OwnWords(own)
    kept = _join(unquoted)
    return OwnWords(kept) if kept else OwnWords("", quoted_alone=cut)


def _without_quotes(lines: list[str]) -> tuple[list[str], bool]:
    """Drop quoted lines with the line that introduces them; where nothing marks the lines, all that follows."""
    kept: list[str] = []
    at, cut = 0, False
    while at < len(lines):
        if lines[at].lstrip().startswith(">"):
            at, cut = at + 1, True
            continue
        length = quote_starts_at(lines, at)
        if not length:
            kept.append(lines[at])
            at += 1
            continue
        cut = True
        at += length
        if not _marked(lines, at):
            break
    return kept, cut


def _marked(lines: list[str], at: int) -> bool:
    """Say whether the next line with text is a quoted one."""
    following = next((line for line in lines[at:] if line.strip()), "")
    return following.lstrip().startswith(">")


def _without_footers(lines: list[str]) -> list[str]:
    kept = lines
    for at, line in enumerate(lines):
        if at and _DELIMITER.match(line) and any(each.strip() for each in lines[:at]):
            kept = lines[:at]
            break
    for at, line in enumerate(kept):
        if len(line) < 160 and _SENT_FROM.match(line) and _PHONE.search(line):  # noqa: PLR2004 - a footer is one short line
            below = [each for each in kept[at + 1 :] if each.strip()]
            kept = kept[:at] if len(below) <= _AFTER_SENT_FROM else kept[:at] + kept[at + 1 :]
            break
    return kept


def _join(lines: list[str]) -> str:
    return "\n".join(lines).strip()
