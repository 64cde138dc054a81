"""The words servers refuse mail with, reason by reason; `~` stands for up to fifty characters in between.

The order decides where several fit. What the mail, its content, its sender or our server did wrong comes first: then
the address is not to blame, whatever else the words say. A reason that bans an address has words that can mean
nothing else.
"""

from __future__ import annotations

_USER = (
    r"(?:user|recipient|mail ?box|mail ?drop|account|alias|addressee|e-?mail address|(?<!ip )address|rcpt|user ?name"
    r"|local[ -]part|login|customer|person|receiver|mail ?address|inbox)(?:\(s\)|e?s)?"
)
_HOST = r"(?:host|domain|hostname|mail ?server|dns name|mail domain|recipient domain|destination domain|system|mx)s?"
_SIZE = r"(?:message|mail|e-?mail|body|attachment|content|file|header)s?"

WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "auth_failure",
        (
            r"\bdmarc\b",
            r"\bdkim\b",
            r"\bspf\b",
            r"sender policy framework",
            r"unauthenticated (?:e?-?mail|sender)",
            r"5\.7\.(?:20|21|22|23|24|25|26|27|30|509|515)\b",
            r"not authorized to send (?:mail|e-?mail|from)",
            r"fails? ~ authentication (?:check|test|result)",
            r"sender id ~ fail",
        ),
    ),
    (
        "require_ptr",
        (
            r"\bptr\b",
            r"\brdns\b",
            r"reverse[ -](?:dns|host|lookup|mapping|ip|name)",
            r"cannot find your (?:host|reverse)",
            r"unresolvable relay host",
            r"invalid ip for sending mail",
            r"ip ~ (?:does not|doesn't|not) ~ resolv",
            r"no (?:matching )?(?:name|hostname) (?:found )?for (?:your )?(?:ip|address|client)",
        ),
    ),
    (
        "virus_detected",
        (
            r"\bvirus(?:es)? (?:was |were |is |has been )?(?:detected|found|infect|identified)",
            r"\b(?:contain|detect|found|infected|carr)\w* ~ (?:virus|malware|worm|trojan)",
            r"\bmalware\b",
            r"\binfected\b",
            r"executable ~ (?:not allowed|not accepted|blocked)",
        ),
    ),
    (
        "bad_reputation",
        (r"reputation", r"\bsenderscore\b", r"senderbase", r"user complaints", r"\[tss\d\d\]", r"fast pass"),
    ),
    (
        "spam_detected",
        (
            r"\bspam",
            r"\bunsolicited\b",
            r"\bjunk\b",
            r"\buce\b|\bube\b",
            r"unwanted (?:mail|message|e-?mail|content)",
            r"content ~ (?:rejected|filter|denied|refused)",
            r"message looks like",
            r"rejected by ~ (?:content|anti)",
            r"blocked ~ content",
            r"rule imposed mailbox access",
            r"\bofr_?506\b",
            r"bulk (?:mail|e-?mail)",
            r"5\.7\.350\b",
        ),
    ),
    (
        "blocked",
        (
            r"(?:block|black|deny|reject)[ -]?list",
            r"\b(?:rbl|dnsbl|spamhaus|spamcop|sorbs|uceprotect|barracudacentral|invaluement|abusix)\b",
            r"\b(?:ip|host|client|server|sender|connection|network|relay)\b ~ \b(?:blocked|banned|barred|not allowed)",
            r"\b(?:client|sender|relay) (?:host )?(?:refused|denied|rejected)",
            (
                r"(?:access|connection|client|service|mail|messages|e-?mail) ~ (?:denied|refused|rejected|"
                r"blocked) ~ \d{1,3}\.\d"
            ),
            (
                r"(?:mail|messages|e-?mails|connections?) (?:received )?from ~ (?:refused|rejected|denied|"
                r"not accepted|blocked|weren't sent)"
            ),
            (
                r"your (?:server|host|ip|network|mail server|domain|connection) ~ (?:blocked|rejected|banned|refused|"
                r"listed|denied)"
            ),
            r"blocked (?:using|by|due|for|because|from|see|- see)",
            r"\b(?:helo|ehlo)\b ~ (?:reject|invalid|forge|bad|name|must)",
            r"dynamic (?:ip|pool|host)|generic rdns",
            r"no smtp service here",
            r"not allowed to (?:connect|send (?:mail|e-?mail) from)",
            r"part of their network is on our block",
            r"\(bl\)$",
            r"bad (?:dns|sending)|banned",
            r"\bservice (?:refuse|refused)\b",
        ),
    ),
    (
        "speeding",
        (
            r"rate[ -]?limit",
            r"throttl",
            r"too (?:quickly|fast|frequent)",
            r"(?:at|exceed\w*|unusual) ~ \brate\b",
            r"(?:hourly|daily|per (?:hour|day|minute)|relay) ~ (?:limit|quota|exceed)",
            r"(?:limit|quota|exceed\w*) ~ (?:hourly|daily|per (?:hour|day|minute))",
            (
                r"too (?:many|much) (?:messages|mails?|e-?mails?|recipients) ~ (?:hour|minute|short|period|session|"
                r"connection)"
            ),
            r"unexpected volume",
            r"slow down",
        ),
    ),
    (
        "too_many_connections",
        (
            r"too many (?:concurrent |simultaneous |smtp |open |tcp )?(?:connections?|sessions|errors)",
            r"(?:connections?|sessions) ~ (?:limit|exceeded|reached)",
            r"exceeded ~ connections",
        ),
    ),
    (
        "mailbox_full",
        (
            (
                r"(?:mail ?box|inbox|mail ?folder|mail ?drop|account|spool|user|recipient|storage|"
                r"receiver) ~ \b(?:full|over ?quota)\b"
            ),
            (
                r"(?:mail ?box|inbox|account|user|recipient|mail ?drop) ~ (?:exceed|over|beyond|size|"
                r"storage) ~ (?:quota|limit|storage|size|allocat|space|exceed)"
            ),
            r"over[ -]?(?:the )?(?:\w+ )?(?:disk )?quota",
            r"quota ~ (?:exceed|full|violat|error|over|limit)|exceed\w* ~ (?:quota|storage|allocat)",
            r"disk quota|out of quota|quota\b",
            (
                r"(?:insufficient|not enough|no|out of) (?:disk |storage |mail ?box |mail )?(?:space|storage|"
                r"room)\b(?! on)"
            ),
            r"full mail ?box|mailboxfull|mailbox_full",
            r"[45]\.2\.2\b",
            r"(?:user|account|mail ?box|recipient|he|she) ~ too many (?:messages|mails)",
            r"zuviele mails|postfach ~ voll|bo[iî]te ~ (?:pleine|satur)|buz[oó]n ~ lleno|casella ~ piena|caixa ~ cheia",
            r"メールボックスが一杯|容量",
        ),
    ),
    (
        "exceed_limit",
        (
            r"[45]\.2\.3\b",
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
            r"[45]\.3\.4\b",
        ),
    ),
    (
        "has_moved",
        (
            _USER + r" ~ (?:has|have) (?:been )?(?:moved|changed|replaced)",
            r"has been replaced by|new (?:e-?mail )?address is|address has changed",
            r"5\.1\.6\b|\b551\b ~ please (?:try|forward|use)",
        ),
    ),
    (
        "suspended",
        (
            _USER + r" ~ \b(?:disabled|deactivated|suspended|inactive|not active|locked|terminated|closed|discontinued"
            r"|dormant|frozen|not activated|expired|cancell?ed|archived)",
            r"\b(?:disabled|deactivated|suspended|inactive|locked|closed|expired|discontinued|dormant) " + _USER,
            (
                r"\b(?:disabled|deactivated|suspended) (?:for|due|recipient)|inactive (?:user|for)|"
                r"domain ~ (?:suspended|expired)"
            ),
            r"extended inactivity|5\.2\.1\b ~ (?:disabled|inactive|not accept|unavailable)",
        ),
    ),
    (
        "not_accepting",
        (
            r"null ?mx",
            (
                r"(?:domain|host|server) (?:does not|doesn't|never|will not) (?:accept|receive) (?:any )?(?:mail|"
                r"e-?mail|messages)"
            ),
            r"no mail (?:is )?accepted|\b556 |\b521 ~ (?:not accept|no mail)",
            r"smtp protocol (?:is )?disabled",
        ),
    ),
    (
        "host_unknown",
        (
            r"\b" + _HOST + r"\b(?: name)? ~ \b(?:not found|unknown|does ?n[o']t exist|non.?exist|unresolv\w+|no such"
            r"|could ?n[o']t be (?:found|resolved)|cannot be (?:found|resolved)|lookup fail\w+|unroutable|"
            r"not known|invalid)",
            (
                r"(?:unknown|unrouteable|unroutable|unresolvable|no such|non.?existent|no mx for|illegal|"
                r"bad destination|invalid)"
                r" (?:mail |e-?mail |recipient |destination |remote |the )?(?:host|domain|hostname|system|dns name)\b"
            ),
            (
                r"unrouteable (?:mail )?(?:address|domain)|name service error|service not known|nxdomain|"
                r"no mx (?:record|found)"
            ),
            (
                r"(?:could ?n[o']t|can(?:no|')t|unable to|failed to) (?:find|resolve|look ?up|locate|route) ~ (?:host|"
                r"domain|\bmx\b|dns)"
            ),
            r"host or domain name not found|domain does not exist|5\.1\.2\b|5\.4\.4\b|dns error",
            r"domain ~ (?:isn't|is not|couldn't|could not|wasn't) ~ (?:found|exist|valid|registered)",
        ),
    ),
    (
        "user_unknown",
        (
            r"\b"
            + _USER
            + r"\b ~ \b(?:unknown|not (?:found|known|valid|listed|registered|recogni[sz]ed)|does ?n[o']t exist"
            r"|do not exist|non.?exist\w*|not exist\w*|invalid|no longer|could ?n[o']t be found|was ?n[o']t found"
            r"|cannot be found|can't be found|undeliverable|unlisted|unroutable|not a (?:valid|known|mail)|unavailable"
            r"|not in (?:our|the|this)|not (?:have|here|on (?:this|our))|is (?:wrong|bad|incorrect)|no such"
            r"|nicht (?:gefunden|bekannt|vorhanden)|inconnue?|desconocid[oa]|sconosciut[oa]|onbekend|inexist\w+)",
            r"\b(?:unknown|no such|invalid|bad|unrecogni[sz]ed|not a (?:valid|known)|non.?existent|incorrect|undefined"
            r"|no valid|unlisted|illegal|wrong|no) (?:(?:destination|local|virtual|mail|e-?mail|smtp|final|or illegal"
            r"|recipient|exchange|notes|domino|delivery|user|alias) ){0,3}" + _USER,
            r"user ?unknown|unknown ?user|bad_recipient|recipient_?not_?found|recipnotfound|no matches to nameserver",
            r"resolver\.adr\.\w*(?:notfound|unknown|invalid|recipnotfound)|adr\.(?:ex)?recipnotfound",
            r"5\.1\.(?:1|10|3)\b|5\.4\.1\b ~ access denied",
            r"recipient address rejected: (?:access denied|user|undeliver|unverified|invalid|no such)",
            r"no (?:mail ?box|account|user|one|person) (?:here |exists )?(?:by|with|named|called|of) that",
            (
                r"(?:mail ?box|address) (?:is )?(?:currently )?unavailable|no longer (?:employed|works?|working|with|"
                r"in use)"
            ),
            r"(?:does not|does ?n[o']t) have an? ~ account|not our customer|addressing error|final delivery userid",
            (
                r"(?:destinat[aá]rio|usuario|utilisateur|empf[aä]nger|destinatario|benutzer|destinataire)"
                r" ~ (?:desconoc|inconnu|unbekannt|sconosciut|inexist|n'existe|no existe|nicht)"
            ),
            r"宛先|ユーザ",
        ),
    ),
    (
        "no_relaying",
        (
            r"relay\w* ~ (?:denied|not (?:permitted|allowed|accepted)|prohibited|refused|rejected|access)",
            r"(?:unable|not allowed|not permitted|denied|refused|cannot|can't|won't|not|no) (?:to )?relay",
            r"not (?:a )?gateway",
        ),
    ),
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
            r"[45]\.6\.\d+\b|not rfc|rfc ?2?822|rfc 5322|bare (?:lf|cr|newline)",
        ),
    ),
    (
        "policy_violation",
        (r"\bpolic(?:y|ies)\b", r"administrative(?:ly)? prohibit|prohibited|restriction|violat"),
    ),
    (
        "rejected",
        (
            (
                r"\b(?:sender|mail from|return.?path|envelope from|originator|null sender)\b ~ (?:reject|refus|denied|"
                r"not accept"
                r"|invalid|not exist|not allow|verif|unknown|illegal|could not)"
            ),
            r"5\.1\.[78]\b|domain of sender|address verification|callback|(?:bad|invalid|unverified) (?:sender|return)",
        ),
    ),
    (
        "security_error",
        (
            (
                r"authentication (?:failed|required|is required)|not authenticated|must (?:be )?authenticat|"
                r"start ?tls|\btls\b"
            ),
            r"certificate|encryption|not authori[sz]ed|do not have permission|access denied",
        ),
    ),
    (
        "expired",
        (
            (
                r"(?:delivery|retry|queue|message|retries) ~ (?:time ?-?(?:expired|out)|expired|gave up|too long|"
                r"exhausted|timed out)"
            ),
            r"[45]\.4\.7\b|been in the queue|giving up|gave up|given up|retry (?:time|timeout)",
            (
                r"(?:hours?|days?) (?:on|in) the queue|(?:not been delivered|could not be delivered|trying|tried|"
                r"failing) ~ \d+ ?(?:hour|day|minute)"
            ),
            (
                r"will be retried for|did not accept our requests to connect|after ~ (?:attempts|retries)|"
                r"persistent transient"
            ),
        ),
    ),
    (
        "network_error",
        (
            r"connect(?:ion)?\b ~ (?:timed out|refused|reset|closed|lost|dropped|failed|failure|unreachable|error)",
            r"(?:could ?n[o']t|unable to|can(?:no|')t|failed to) (?:connect|establish|contact|reach)",
            r"(?:network|host|server|system) ~ (?:unreachable|is down|not respond\w*|timed out|not reachable)",
            (
                r"lost connection|no route|timed? ?out|too many hops|hop count|loop|[45]\.4\.[0-6]\b|did not respond|"
                r"network error"
            ),
        ),
    ),
    (
        "system_full",
        (r"(?:system|disk|queue|server) ~ (?:full|out of space)|insufficient system|[45]\.3\.1\b|no space ~ on",),
    ),
    (
        "filtered",
        (
            r"\bfilter|rejected by (?:the )?(?:recipient|user|domain)|only accepts? (?:mail|messages)|resolver\.rst\.",
            r"not accepting (?:mail|messages|e-?mail)|transport\.rules",
        ),
    ),
    (
        "system_error",
        (
            (
                r"(?:system|server|internal|local|config\w*|mailer|temporar\w+|i/?o|resource|pipe|forward\w*|ldap|database)"
                r" ~ (?:error|fail|problem|unavailable|deferred)"
            ),
            (
                r"try (?:again )?later|temporar|[45]\.3\.[05]\b|(?:can't|cannot|could not) (?:create|open|write|"
                r"append|lock|execute)"
            ),
            r"exit (?:code|status)|service (?:temporarily )?(?:unavailable|not available)|gr[ae]ylist|lmtp|deferred",
        ),
    ),
    (
        "syntax_error",
        (
            (
                r"syntax error|command (?:not recogni[sz]ed|unrecogni[sz]ed|not implemented)|bad sequence|"
                r"protocol error|malformed address"
            ),
        ),
    ),
)
