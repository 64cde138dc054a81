"""Where does the quoted mail begin? The lines that mail programs of many languages put before it."""

# ruff: noqa: RUF001 - letters of many scripts look alike, and each of them is meant.
from __future__ import annotations

import re
from collections.abc import Sequence

MOST_HEADER_LINES = 4
"""An introduction like "On ... wrote:" is folded over so many lines at most."""
LONGEST_LINE = 500
LONGEST_INTRODUCTION = 600

_ENDS_LIKE_ONE = re.compile(r"[:：]\s*[*_]{0,2}\s*$|[>\]]\s*$|(?:wrote|schrieb)\s*$", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:wrote|writes|sent|said|schrieb|geschrieben|a écrit|écrivait|escribi[óo]|ha scritto|scrisse|escreveu|"
    r"schreef|geschreven|"
    r"napisał(?:\(?a\)?)?|pisze|skrev|kirjoitti|пишет|писал(?:\(?а\)?)?|написал(?:\(?а\)?)?|va scriure|a scris|"
    r"yazdı|đã viết|napsal(?:\(?a\)?)?|írta|schreef het volgende)\b"
    r"|写道|のメール|작성",
    re.IGNORECASE,
)
_OPENS = re.compile(
    r"^[\s>*_]{0,4}(?:on|at|am|em|le|el|il|op|den|dne|dnia|w dniu|på|à|a|ti|pe|vào|ons?|sun|mon|tue|wed|thu|fri|"
    r"sat|mo|di|mi|do|fr|sa|so|lun|mar|mer|jeu|ven|sam|dim|"
    r"fra|från|from|von|de|\d{1,4}[./-]\d{1,2}|\d{1,2}(?:st|nd|rd|th)?\.? \w{3,12}|\w+day|\d{1,2}:\d{2})\b",
    re.IGNORECASE,
)
_WHEN_OR_WHO = re.compile(
    r"\d{1,2}[:.h]\d{2}|\b(?:19|20)\d{2}\b|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|[^\s<>]{1,64}@[^\s<>]{3,255}"
)
_DATE_AND_ADDRESS = re.compile(
    r"^(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4})\b.{0,120}<[^<>\s]{1,64}@[^<>\s]{3,255}>:?\s*$"
)
_SEPARATOR = re.compile(
    r"^[\s*_]{0,4}[-_=—–]{2,}\s*(?:[\w'ùèéíóõãœæø.]{1,20}\s+){0,2}?"
    r"(?:original|ursprüngliche|origine|originale?|oorspronkelijk|oprindelig|opprinnelig|ursprungligt|"
    r"alkuperäinen|исходное|пересланное|пересылаемое|"
    r"forwarded|weitergeleitete|transféré|reenviado|inoltrato|doorgestuurd|przekazan[ae]|videresendt|"
    r"vidarebefordrat|encaminhada|wiadomość|oryginalna|"
    r"reply|replied|antwort|réponse|message|mensaje|messaggio|mensagem|bericht|nachricht|meddelelse|appointment|"
    r"termin|rendez-vous|tin nhắn gốc)\b"
    r".{0,60}?[-_=—–]{2,}[\s*]{0,4}$",
    re.IGNORECASE,
)
_BEGIN = re.compile(
    r"^\W{0,3}(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-?mail)|"
    r"début du (?:message (?:transféré|réexpédié)|courriel transféré)|"
    r"inicio del mensaje reenviado|inizio messaggio inoltrato|início da mensagem (?:re)?encaminhada|"
    r"begin doorgestuurd bericht|początek przekazanej wiadomości"
    r"|.{0,10}(?:write|reply|type your reply|reply) above this line.{0,20})\s*:?\W{0,4}$",
    re.IGNORECASE,
)
_FIELD = re.compile(r"^[\s>|*_]{0,6}([\w\u2019' -]{1,24}?)\s?[*_]{0,2}\s?[:：][*_]{0,2}(?:\s|$|\S)")


def _names(listed: str) -> frozenset[str]:
    return frozenset(name.strip() for name in listed.replace("\n", " ").split(","))


_FROM = _names(
    """
    afzender, da, de, fra, from, kimden, mittente, od, remitente, van, von, expéditeur, från, lähettäjä, từ, от, от
    кого, 发件人, 差出人
    """
)
_SENT = _names(
    """
    data, date, dato, datum, enviada, enviada em, enviado, enviado el, fecha, gesendet, gesendet am, inviato, sendt,
    sendt den, sent, skickat, verzonden, envoyé, envoyé le, lähetetty, ngày, päivämäärä, wysłane, wysłano, đã gửi,
    дата, отправлено, 发送时间
    """
)
_TO = _names(
    """
    a, aan, an, cc, destinataire, destinatario, do, kopie, naar, para, til, till, to, vastaanottaja, à, đến, кому,
    收件人
    """
)
_SUBJECT = _names(
    """
    aihe, assunto, asunto, betr, betreff, emne, objet, oggetto, onderwerp, subject, sujet, temat, chủ đề, ämne,
    тема, 主题, 件名
    """
)
_LOOK_AHEAD = 9


def quote_starts_at(lines: Sequence[str], at: int) -> int:
    """Return how many lines from `at` on introduce a quoted mail; 0 where none is introduced there."""
    line = lines[at]
    if len(line) > LONGEST_LINE or not line.strip():
        return 0
    if _SEPARATOR.match(line) or _BEGIN.match(line) or _DATE_AND_ADDRESS.match(line):
        return 1
    return _introduction(lines, at) or (1 if _header_block(lines, at) else 0)


def _introduction(lines: Sequence[str], at: int) -> int:
    """Recognise "On (when), (who) wrote:", folded over some lines, in many languages."""
    if not _OPENS.match(lines[at]):
        return 0
    text = ""
    for length in range(1, MOST_HEADER_LINES + 1):
        if at + length > len(lines):
            return 0
        line = lines[at + length - 1].strip()
        text = f"{text} {line}".strip()
        if not line or len(text) > LONGEST_INTRODUCTION:
            return 0
        if _ENDS_LIKE_ONE.search(line) and _VERB.search(text) and _WHEN_OR_WHO.search(text):
            return length
    return 0


def _header_block(lines: Sequence[str], at: int) -> bool:
    """Recognise the From, Sent, To and Subject lines that Outlook and others copy, in many languages."""
    first = _field(lines[at])
    if first not in _FROM and first not in _SENT:
        return False
    seen: set[str] = set()
    for line in lines[at : at + _LOOK_AHEAD]:
        if name := _field(line):
            seen.add(name)
    groups = sum(bool(seen & group) for group in (_FROM, _SENT, _TO, _SUBJECT))
    return groups >= 3  # noqa: PLR2004 - of the four


def _field(line: str) -> str:
    found = _FIELD.match(line[:80])
    return " ".join(found[1].lower().replace("*", "").split()) if found else ""
