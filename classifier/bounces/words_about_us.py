"""The words servers refuse mail with because of what we, our server or the mail did wrong; `~` is up to 50 characters.

Texts are in lower case, addresses taken out.
"""

from __future__ import annotations

Row = tuple[str, tuple[str, ...]]
"""A reason, and the patterns of the words that give it."""

_SIZE = r"\b(?:message|mail|e-?mail|body|attachment|content|file|header)s?\b(?! ?box)"

ABOUT_BOTH: tuple[Row, ...] = (
    (
        "undefined",
        (r"account or domain may not exist",),
    ),
    (
        "filtered",
        (r"unavailable or access denied",),
    ),
    (
        "system_error",
        (r"gr[ae]y-?list",),
    ),
)
"""Words that leave it open who is to blame: they ban nobody at once."""

ABOUT_US: tuple[Row, ...] = (
    (
        "rejected",
        (
            r"sender (?:address )?verif\w+|sender callout|callback|domain of sender|unroutable sender|5\.1\.8\b",
            (
                r"\b(?:sender\b|(?:sender|sending|from|reply-to|return-path|your)(?:'s)? "
                r"(?:e-?mail |mail )?(?:account|mailbox|address|domain|host|user|identity)\b)[^.:;]{0,40}\b"
                r"(?:unknown|no such|not exist|does ?n[o']t (?:exist|resolve)"
                r"|not (?:found|registered|valid|allowed|verified)|invalid|suspended|disabled|rejected|denied|blocked)"
            ),
            r"(?:invalid|no valid|illegal|bad) (?:e-?mail )?address(?:es)? in (?:the )?(?:header|from|reply-to|sender)",
            r"unknown senders?|white ?-?list|consent\w* to|for outgoing|for sending|from sending",
            r"resolver\.rst\.(?:sendernot|notauth|authreq|restrict)|not in (?:the )?allowed ?list",
            r"permission to (?:post|send)",
            r"group \S{1,64} only accepts",
            r"only (?:accepts?|allows?) (?:messages|mail|e-?mail)s? from (?:people|members|sub)",
        ),
    ),
    (
        "auth_failure",
        (
            r"\bdmarc\b|\bdkim\b|\bspf\b|sender policy framework",
            r"unauthenticated (?:e?-?mail|sender)|authentication (?:information|checks?|results?)",
            r"5\.7\.(?:20|21|22|23|24|25|26|27|30|509|515)\b",
            r"mi:(?:spf|dma)\b|not authorized to send (?:mail|e-?mail|from)",
            r"fails? ~ authentication (?:check|test|result)|sender id ~ fail",
        ),
    ),
    (
        "require_ptr",
        (
            r"\bptr\b|\brdns\b|reverse[ -](?:dns|host|lookup|mapping|ip|name)|cannot find your (?:host|reverse)",
            r"unresolvable relay host|invalid ip for sending mail|\bip ~ (?:does not|doesn't|not) ~ resolv",
            r"no (?:matching )?(?:name|hostname) (?:found )?for (?:your )?(?:ip|address|client)",
        ),
    ),
    (
        "virus_detected",
        (
            r"\bvirus(?:es)? (?:was |were |is |has been )?(?:detected|found|infect|identified)",
            r"\b(?:contain|detect|found|infected|carr)\w* ~ (?:virus|malware|worm|trojan)|\bmalware\b|\binfected\b",
            r"executable ~ (?:not allowed|not accepted|blocked)",
        ),
    ),
    (
        "bad_reputation",
        (r"reputation|\bsenderscore\b|senderbase|user complaints|\[tss\d\d\]|fast pass",),
    ),
    (
        "spam_detected",
        (
            r"\bspam|\bunsolicited\b|\bjunk\b|\buce\b|\bube\b|blacklisted url|\bdt:sp[mb]\b",
            r"unwanted (?:mail|message|e-?mail|content)|message looks like",
            r"content ~ (?:rejected|filter|denied|refused)|rejected by ~ (?:content|anti)|blocked ~ content",
            r"rule imposed mailbox access|\bofr_?506\b|\blpn_?506\b|bulk (?:mail|e-?mail)|5\.7\.350\b",
        ),
    ),
    (
        "blocked",
        (
            r"(?:block|black|deny|reject)[ -]?list|\[?\bbl\d\d\]|\b(?:hl:(?:rep|ifc)|mi:spb)\b",
            r"\b(?:rbls?|dnsbls?|spamhaus|spamcop|sorbs|uceprotect|barracudacentral|invaluement|abusix)\b",
            r"\b(?:ip|host|client|server|sender|connection|network|relay)\b ~ \b(?:blocked|banned|barred|not allowed)",
            r"\b(?:client|sender|relay) (?:host )?(?:refused|denied|rejected)",
            (
                r"(?:access|connection|client|service|mail|messages|e-?mail) ~ (?:denied|refused|rejected|"
                r"blocked) ~ \d{1,3}(?:\.\d{1,3}){3}"
            ),
            (
                r"(?:mail|messages|e-?mails|connections?) (?:received )?from ~ (?:refused|rejected|denied|"
                r"not accepted|blocked|weren't sent)"
            ),
            (
                r"your (?:server|host|ip|network|mail server|domain|connection) ~ (?:blocked|rejected|banned|refused|"
                r"listed|denied)"
            ),
            r"blocked (?:using|by|due|for|because|from|see|- see|[-(])|[:(]blocked\)|e(?:nvelope|mail) blocked",
            r"\b(?:helo|ehlo)\b ~ (?:reject|invalid|forge|bad|name|must)|\b501\b ~ invalid (?:domain|host) ?name",
            r"dynamic (?:ip|pool|host)|generic rdns|no smtp service here|part of their network is on our block",
            r"not allowed to (?:connect|send (?:mail|e-?mail) from)|\(bl\)$|bad (?:dns|sending)|\bbanned\b",
            r"\bservice (?:refuse|refused)\b|ask your postmaster for help|5\.7\.(?:60[6-9]|6[1-4]\d|511|70[5-8])\b",
        ),
    ),
    (
        "exceed_limit",
        (
            r"(?:recipient|user)\b ~ exceeded (?:their|its|his) (?:limit|quota for)",
            r"(?:user|recipient|mail ?box) ~ receiving mail (?:too|at a rate)|receive limit ~ exceed",
        ),
    ),
    (
        "speeding",
        (
            r"rate[ -]?limit|throttl|too (?:quickly|fast|frequent)|(?:at|exceed\w*|unusual) ~ \brate\b",
            r"(?:hourly|daily|per (?:hour|day|minute)|relay) ~ (?:limit|quota|exceed)",
            r"(?:limit|quota|exceed\w*) ~ (?:hourly|daily|per (?:hour|day|minute))",
            (
                r"too (?:many|much) (?:messages|mails?|e-?mails?|recipients) ~ (?:hour|minute|short|period|session|"
                r"connection)"
            ),
            r"too many recipients|too much mail from|frequency limit|\b(?:rp:(?:cel|trc|qrc)|hl:itc)\b",
            r"unexpected volume",
            r"slow down|exceed\w* ~ (?:sending |messaging )?threshold|5\.1\.90\b",
        ),
    ),
    (
        "too_many_connections",
        (
            r"too many (?:(?:concurrent|simultaneous|smtp|open|tcp) ){0,3}(?:connections?|sessions|errors)",
            r"(?:connections?|sessions) ~ (?:limit|exceeded|reached)|exceeded ~ connections",
        ),
    ),
    (
        "no_relaying",
        (
            r"relay\w* ~ (?:denied|not (?:permitted|allowed|accepted)|prohibited|refused|rejected|access)",
            r"(?:unable|not allowed|not permitted|denied|refused|cannot|can't|won't|not|no) (?:to )?relay",
            r"not (?:a )?gateway|rcpthosts",
        ),
    ),
    (
        "policy_violation",
        (
            r"(?:due to|because of|violat\w+|by|against|local|security|company|spam) (?:our |the )?polic",
            r"policy (?:reasons?|restrictions?|violations?|rejection)|for policy",
        ),
    ),
    (
        "security_error",
        (r"authentication (?:is )?(?:required|failed)|must (?:be )?authenticat",),
    ),
)

ABOUT_SIZE: tuple[Row, ...] = (
    (
        "exceed_limit",
        (
            r"(?:recipient|user|mail ?box)(?:'s)? ~ (?:message|mail) size",
            r"too (?:large|big) for (?:this |the )?(?:recipient|user|mail ?box)",
            r"(?:resolver\.rst|rst)\.(?:recipsizelimit|sendsizelimit)",
        ),
    ),
    (
        "message_too_big",
        (
            _SIZE + r" ~ \b(?:too (?:big|large)|exceed|larger than|bigger than|greater than|over the)",
            r"max(?:imum)? (?:message|mail)? ?size|size limit|exceeds ~ size|size ~ exceed",
            r"nachricht ~ zu gross|message ~ trop (?:gros|volumin)|mensaje ~ demasiado grande",
        ),
    ),
)
"""Looked for only where no mailbox is full: both speak of sizes that are exceeded."""


ABOUT_US_LAST: tuple[Row, ...] = (
    (
        "content_error",
        (
            (
                r"(?:improper|malformed|missing|duplicate|invalid|illegal) ~ (?:header|mime|subject|date|attachment|"
                r"message-id)"
            ),
            (
                r"(?:attachment|file|html|url|link|header)s?\b ~ (?:not (?:allowed|accepted|permitted)|forbidden|"
                r"prohibit|reject|block)"
            ),
            r"(?:blocked|forbidden|prohibited|disallowed) (?:attachment|file)",
            r"anhang\w* ~ nicht (?:zul|erlaub|gestatt)|not rfc|rfc ?2?822",
            r"rfc 5322|bare (?:lf|cr|newline)|line (?:limit|length|too long)",
        ),
    ),
    (
        "policy_violation",
        (
            r"\bpolic(?:y|ies)\b|administrative(?:ly)? prohibit|prohibited|restriction|violat",
            r"bounced by administrator|externally? forward",
        ),
    ),
    (
        "rejected",
        (
            (
                r"\b(?:sender|mail from|return.?path|envelope from|originator|null sender)\b ~ (?:reject|refus|denied|"
                r"not accept|invalid|not exist|not allow|verif|unknown|illegal|could not)"
            ),
            r"5\.1\.[78]\b|was automatically rejected|address verification|callback",
            r"(?:bad|invalid|unverified) (?:sender|return)",
        ),
    ),
    (
        "security_error",
        (
            (
                r"authentication (?:failed|required|is required)|not authenticated|must (?:be )?authenticat|"
                r"start ?tls|\btls\b"
            ),
            r"smtp authentication|address is not verified|certificate|encryption|not authori[sz]ed",
            r"do not have permission|access denied",
        ),
    ),
)
"""Vaguer words, looked for only where nothing speaks of the address."""
