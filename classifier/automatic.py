"""Did a machine answer? By its headers (RFC 3834 and the vendors' own), and by the subjects programs write."""

from __future__ import annotations

import re

from classifier.message import ParsedMessage

_PRESENCE = (
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponder",
    "X-Auto-Reply",
    "X-AutoReply-From",
    "X-Mail-Autoreply",
    "Auto-Reply",
)
"""Fields that only answering machines write."""
_VALUES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("Precedence", re.compile(r"auto.?reply|vacation", re.IGNORECASE)),
    ("X-Precedence", re.compile(r"auto.?reply|vacation", re.IGNORECASE)),
    ("X-MS-Exchange-Generated-Message-Source", re.compile(r"mailbox (?:rules|assistant)|oof", re.IGNORECASE)),
    ("X-Mailer", re.compile(r"\bvacation\b|auto.?(?:reply|respond)", re.IGNORECASE)),
    ("X-POST-MessageClass", re.compile(r"autoresponder", re.IGNORECASE)),
    ("Delivered-To", re.compile(r"^autoresponder$", re.IGNORECASE)),
    ("X-FC-MachineGenerated", re.compile(r"true", re.IGNORECASE)),
    ("X-Loop", re.compile(r"auto.?(?:reply|respond)", re.IGNORECASE)),
)
_ABSENCE_SUBJECT = re.compile(
    r"^(?:\[[^\]]{1,30}\] ?)*"
    r"(?:out[ -]of[ -](?:the )?office|ooo\b|abwesenheit|abwesend|ich bin (?:nicht|im urlaub)|absence|absent|"
    r"message d'absence|fuera de (?:la )?oficina|ausencia|ausente|mensaje de ausencia|"
    r"fuori (?:ufficio|sede)|assente|assenza|fora do escritorio|ausencia temporaria|afwezig|niet op kantoor|"
    r"poza biurem|nieobecn|franvaro|fravaer|poissa|urlaub|urlop|vacation\b|on (?:vacation|leave|holiday)\b|"
    r"(?:i am|i'm|away|away from) (?:away|out|on)|not in the office|holiday notice|vacances|vacaciones|ferie)"
)
_ANSWER_SUBJECT = re.compile(
    r"^(?:(?:re|aw|sv)\s?: ?|\[[^\]]{1,30}\] ?)*"
    r"(?:auto(?:mat(?:ic|ed))?[ -]?(?:re(?:ply|sponse|sponder)|respond\w*|answer)|auto ?: |"
    r"automatische (?:antwort|ruckantwort|e-?mail|nachricht)|auto-?antwort|automatisch (?:antwoord|bericht)|"
    r"reponse automatique|"
    r"respuesta automatica|risposta automatica|resposta automatica|automatyczna odpowiedz|autosvar|"
    r"automatiskt? svar|automaattinen vastaus|automatick[ay] odpoved|automatikus valasz|"
    r"raspuns automat|otomatik yanit|eingangsbestatigung|empfangsbestatigung|accuse de reception|acuse de recibo)"
)
_JAPANESE = re.compile("自動(?:返信|応答|送信)|不在")
_BULK = ("List-Id", "List-Post", "List-Unsubscribe")


def why_automatic(parsed: ParsedMessage, subject: str) -> str | None:
    """Return the field or subject that shows a machine answered, or None; `subject` is folded."""
    submitted = (parsed.header("Auto-Submitted") or "").strip()
    if submitted and not submitted.lower().startswith("no"):
        return f"Auto-Submitted: {submitted[:60]}"
    return why_answer(parsed, subject)


def why_answer(parsed: ParsedMessage, subject: str) -> str | None:
    """Return what shows an answering machine, as opposed to a mail system, which writes Auto-Submitted as well."""
    for name in _PRESENCE:
        if value := parsed.header(name):
            return None if value.strip().lower() in {"no", "false"} else f"{name}: {value[:60]}"
    for name, pattern in _VALUES:
        found = next((value for value in parsed.headers(name) if pattern.search(value)), None)
        if found:
            return f"{name}: {found[:60]}"
    # X-Auto-Response-Suppress alone proves nothing: ticket systems and people's servers send it as well.
    if _ANSWER_SUBJECT.match(subject) or _JAPANESE.search(parsed.subject) or says_absence(subject):
        return f"subject {parsed.subject[:60]!r}"
    return None


def says_absence(subject: str) -> bool:
    """Say whether the folded subject is that of an absence notice; "Re:" before it means somebody answers one."""
    return bool(_ABSENCE_SUBJECT.match(_ANSWER_SUBJECT.sub("", subject).lstrip(" :-")))


def is_bulk(parsed: ParsedMessage) -> bool:
    """Say whether the mail went to a list: nobody's answer to us."""
    return any(name in parsed.header_fields for name in _BULK) or (parsed.header("Precedence") or "").lower() in {
        "bulk",
        "list",
        "junk",
    }
