"""A delivery report's words for people: a failure or a delay, about whom, and what did the server say?"""

from __future__ import annotations

import re

from classifier.decode import valid_address
from classifier.returned import ReturnedMail

MOST_LINES = 300
LONGEST_LINE = 1_000
_ADDRESS = r"<?\"?([^\s<>()\[\]{},;:\"']{1,64}@[a-z0-9_.-]{3,253})\"?>?"
_ALONE = re.compile(rf"^[\s>*\-.\u2022]{{0,12}}{_ADDRESS}[\s.,;:]*(?:\(.{{0,200}}\))?$", re.IGNORECASE)
_WITH_ITSELF = re.compile(rf"^[\s>*\-.\u2022]{{0,12}}{_ADDRESS}\s{{1,4}}<[^<>\s]{{3,320}}>[\s.,;:]*$", re.IGNORECASE)
_FIRST = re.compile(rf"^[\s>*\-.\u2022]{{0,12}}{_ADDRESS}\s{{0,4}}(?:[:,;(\[=]|\.\.\.|\s-\s|\s\w)", re.IGNORECASE)
_NAMED = re.compile(
    r"(?:\b(?:to|for|recipient|recipients|address|addresses|addressed|user|users|mailbox|account|rcpt|an|"
    r"destinataire|destinatario"
    r"|empf.nger|reach|deliver|delivering|name|mail|e-?mail|of|id)(?:\(s\)|\(es\))?\b[^@\n]{0,25}?[\s:<\"'(=\[]|"
    r"550[^@\n]{0,30}[\s<(])" + _ADDRESS,
    re.IGNORECASE,
)
_LAST = re.compile(
    rf"^(?!\s*(?:from|sender|reply-to|return-path|to|cc|contact)\b).{{0,80}}:\s{{0,4}}{_ADDRESS}\s*$", re.IGNORECASE
)
_FAILURE = re.compile(
    r"undeliver|(?:could ?n.t|could not|cannot|can.?t|can not|was not|were not|wasn.t|weren.t|not be|unable to|"
    r"failed to|not been|has not|did not|impossible to|unable|error|fail\w*|problem\w*|trouble|"
    r"impossible)\W{1,3}(?:\w+\W{1,3}){0,8}?(?:deliver|sen[dt]\b|reach|receiv|process|relay|accept|complete|found)"
    r"|deliver\w*\W(?:\w+\W{1,3}){0,8}?(?:fail|error|abort|impossible|unsuccess|problem|trouble|not |reject|"
    r"refus)|fail\w*\W(?:\w+\W{1,3}){0,4}?(?:address|recipient|deliver|permanent)"
    r"|(?:permanent|fatal|fatally|unrecoverable|transient) (?:fatal |delivery )?(?:error|fail)|(?:message|mail|"
    r"e-?mail|it) (?:was|has been|is being|were|is) (?:\w+ )?(?:reject|return|refus|bounc|discard|block)"
    r"|return(?:ed|ing) (?:mail|message|to sender|it to)|user(?:s)? unknown|unknown (?:user|recipient|address)|"
    r"(?:mail ?box|quota|account)\b.{0,40}(?:full|exceed|disabled|over)|over quota|mailbox unavailable|"
    r"no such (?:user|address)|bounce"
    r"|rejected|refused|delivery status notification|nondeliver|transcript of session|fail(?:ed|ure) (?:notice|"
    r"mail)|no mail ?box|not exist|doesn.t exist|not a valid (?:user|address|recipient|mailbox)|smtp error|"
    r"dead letter|gave up|giving up|failure reason"
    r"|unzustellbar|nicht (?:zugestellt|zustell|ausgeliefert|erreicht|möglich)|n'a pas pu|non remis|pas (?:été|"
    r"pu) .{0,30}(?:remis|délivr|distribu)|no se (?:ha podido|pudo|puede)|no (?:ha podido|pudo) ser|"
    r"non (?:è stato possibile|può essere|consegnat)"
    r"|não (?:foi possível|pôde|pode)|niet (?:worden )?(?:bezorgd|afgeleverd|besteld)|nie (?:mogła|może|została|"
    r"można)|не (?:может|удалось|доставл)|できません|失敗|エラー|不明|一杯|\b55\d[ -]",
    re.IGNORECASE,
)
_DELAY = re.compile(
    r"(?:warning|this is (?:just |only )?a warning)\b.{0,120}(?:still|not yet|delay|will|could not|has not|"
    r"undeliver)|will (?:keep|continue|be retried|retry|try again|still)|(?:still|be) (?:being )?(?:re)?tr(?:ied|"
    r"ying)"
    r"|you do not need to resend|not yet been delivered|has not (?:yet )?been delivered|has been delayed|"
    r"is delayed|delivery delayed|delayed mail|will be (?:re)?tried|retry(?:ing)? (?:for|until)|"
    r"attempts? .{0,40}will continue|delayed \(",
    re.IGNORECASE,
)
_FINAL = re.compile(
    (
        r"permanent|fatal|giving up|gave up|given up|no further (?:attempts|delivery)|will not (?:be )?(?:retr|tr)|"
        r"returned to (?:the )?sender|has failed|have failed|delivery .{0,20}failed|(?:undeliverable|not be delivered|"
        r"expired)|5\.\d\.\d|\b55\d[ -]|failed addresses|address\(es\) failed"
    ),
    re.IGNORECASE,
)
_DELAY_SUBJECT = re.compile(r"delay|warning|verzögert|verspätet|retard|still trying|not yet", re.IGNORECASE)
_REPLY_LINE = re.compile(r"(?<![\d.@])[45]\d\d[ \-#:]|(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])")


def tells_failure(subject: str, words: str) -> bool:
    """Say whether the words tell of a mail that did not arrive."""
    return bool(_FAILURE.search(words[:20_000]) or _FAILURE.search(subject))


def is_delayed(subject: str, words: str) -> bool:
    """Say whether the words tell that the mail is still being tried."""
    words = words[:20_000]
    if _DELAY.search(words):
        return bool(_DELAY_SUBJECT.search(subject)) or not _FINAL.search(words)
    return False


def recipients(words: str, returned: ReturnedMail, own: frozenset[str]) -> tuple[str, ...]:
    """Return the addresses the report is about: named where a report names them, never any address in the text."""
    known = (*returned.to_addresses, *returned.delivered_for)
    # Some people mail themselves; but a report that names its reader names nobody.
    ours = own | {returned.from_address}
    named = [each for each in _named(words) if each not in ours or each in known]
    answered = [each for each in named if each in known]
    if answered or named:
        return tuple(dict.fromkeys(answered or named))
    others = [each for each in known if each not in ours]
    return (others[0],) if len(set(others)) == 1 else ()


def _named(words: str) -> list[str]:
    found: list[str] = []
    weak: list[str] = []
    for line in words.split("\n")[:MOST_LINES]:
        if "@" not in line:
            continue
        line = line[:LONGEST_LINE]  # noqa: PLW2901 - the rest of an endless line is not looked at
        strong = _ALONE.match(line) or _WITH_ITSELF.match(line) or _FIRST.match(line)
        for each in [strong] if strong else [*_LAST.finditer(line), *_NAMED.finditer(line)]:
            if address := valid_address(each[1]):
                (found if strong else weak).append(address)
    return found or weak


def diagnostic(words: str, addresses: tuple[str, ...]) -> str:
    """Return what the refusing server said: the lines after the address, else the first line with a reply code."""
    lines = [line.strip()[:LONGEST_LINE] for line in words.split("\n")[:MOST_LINES]]
    after = next((at for at, line in enumerate(lines) if addresses and addresses[0] in line.lower()), None)
    coded = [at for at, line in enumerate(lines) if _REPLY_LINE.search(line)]
    if coded:
        start = next((at for at in coded if after is None or at >= after), coded[0])
        return " ".join(_paragraph(lines, start))
    return " ".join(_paragraph(lines, after)) if after is not None else ""


def _paragraph(lines: list[str], start: int, most: int = 8) -> list[str]:
    paragraph = lines[start : start + most]
    end = next((at for at, line in enumerate(paragraph) if not line and at > 0), len(paragraph))
    return paragraph[:end] if end > 1 or not paragraph else [line for line in paragraph if line][:3]
