"""The words servers refuse mail with because of the address, its mailbox or their own state.

Rows as in `words_about_us`. A reason that bans an address has words that can mean nothing else.
"""

# ruff: noqa: RUF001 - letters of many scripts look alike, and each of them is meant.
from __future__ import annotations

from classifier.bounces.words_about_us import Row

_USER = (
    r"(?:user|recipient|mail ?box|mail ?drop|account|alias|addressee|e-?mail address|(?<!ip )address|rcpt|user ?name"
    r"|local[ -]part|login|customer|person|receiver|mail ?address|inbox)(?:\(s\)|e?s)?"
)
_HOST = r"(?:host|domain|hostname|mail ?server|dns name|mail domain|recipient domain|destination domain|system|mx)s?"

ABOUT_THEM_FIRST: tuple[Row, ...] = (
    (
        "filtered",
        (r"recipient (?:preferences|settings)|filtered by (?:the )?(?:recipient|user)",),
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
            r"over[ -]?(?:the )?(?:\w+ )?(?:disk )?quota|quota\b|exceed\w* ~ (?:storage|allocat)",
            (
                r"(?:insufficient|not enough|no|out of) (?:disk |storage |mail ?box |mail )?(?:space|storage|"
                r"room)\b(?! on)"
            ),
            r"full mail ?box|mailbox_?full",
            r"(?:user|account|mail ?box|recipient|he|she) ~ too many (?:messages|mails)",
            r"zu ?viele mails|postfach ~ (?:voll|überfüllt)|grö(?:ß|ss)enbegrenzung|speicherplatz ~ erschöpft",
            r"bo[iî]te ~ (?:pleine|satur)|buz[oó]n ~ lleno|casella ~ piena|caixa ~ cheia",
            r"postafiók\w* ~ megtelt|postkassen? ~ full|schránka ~ plná|posta kutusu ~ dolu|căsuța ~ plină",
            r"postilaatikko ~ täynnä",
            r"메일함 ~ (?:가득|용량)|信箱 ~ 已滿",
            r"(?:mailbox|postvak|brievenbus) ~ \bvol\b|skrzynka ~ pełn|ящик ~ переполн",
            r"メールボックスが一杯|容量|已满",
        ),
    ),
)

ABOUT_THEM: tuple[Row, ...] = (
    (
        "has_moved",
        (
            _USER + r" ~ (?:has|have) (?:been )?(?:moved|changed|replaced)",
            r"has been replaced by|new (?:e-?mail )?address is|address has changed",
            r"\b551\b ~ please (?:try|forward|use)",
        ),
    ),
    (
        "suspended",
        (
            _USER + r" ~ \b(?:disabled|deactivated|suspended|inactive|not active|locked|terminated|closed|discontinued"
            r"|dormant|frozen|not activated|expired|cancell?ed|archived)",
            r"\b(?:disabled|deactivated|suspended|inactive|locked|closed|expired|discontinued|dormant|archived) "
            + _USER,
            r"\b(?:disabled|deactivated|suspended) (?:for|due|recipient)|inactive (?:user|for)",
            r"domain ~ (?:suspended|expired)",
            r"(?:extended|due to) inactivity|5\.2\.1\b ~ (?:disabled|inactive|not accept|unavailable)",
        ),
    ),
    (
        "not_accepting",
        (
            r"null ?mx",
            (
                r"(?:domain|host|server)(?: [\w.-]{3,80})? (?:does not|doesn't|never|will not) (?:accept|receive) "
                r"(?:any )?(?:mail|e-?mail|messages)"
            ),
            r"no mail (?:is )?accepted|\b556 |\b521 ~ (?:not accept|no mail)|smtp protocol (?:is )?disabled",
            r"indicate\w* no smtp service|no longer (?:accepts?|receives?) (?:mail|e-?mail|messages)",
        ),
    ),
    (
        "user_unknown",
        (
            r"(?:user|recipient|mailbox|account) (?:is )?(?:unknown|not found|does ?n[o']t exist|not exist)",
            r"(?:unknown|no such) (?:user|recipient|mailbox|account|local user)|user unknown",
        ),
    ),
    (
        "host_unknown",
        (
            r"\b"
            + _HOST
            + r"\b(?: name)? (?:[^:;]{0,50} )?\b(?:not found|unknown|does ?n[o']t exist|non.?exist|unresolv\w+|no such"
            r"|could ?n[o']t be (?:found|resolved)|cannot be (?:found|resolved)|lookup fail\w+|unroutable"
            r"|not known|invalid|not valid|not registered)",
            (
                r"(?:unknown|unrouteable|unroutable|unresolvable|no such|non.?existent|no mx for|illegal|"
                r"bad destination|invalid)"
                r" (?:mail |e-?mail |recipient |destination |remote |the )?(?:host|domain|hostname|system|dns name)\b"
            ),
            (
                r"unrouteable (?:mail )?(?:address|domain)|name service error|service not known|nxdomain|"
                r"no mx (?:record|found)|any host named|non-existent hosts"
            ),
            (
                r"(?:could ?n[o']t|can(?:no|')t|unable to|failed to) (?:find|resolve|look ?up|locate|route) ~ (?:host|"
                r"domain|\bmx\b|dns)"
            ),
            r"infodomainnonexistent|host or domain name not found|domain does not exist",
            r"dns (?:hard )?error",
            r"domain (?:is )?not reachable",
            r"domain ~ (?:isn't|is not|couldn't|could not|wasn't) ~ (?:found|exist|valid|registered|reachable)",
            r"(?:^| )[\w-]{1,63}(?:\.[\w-]{1,63}){1,6} does not exist",
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
            r"5\.4\.1\b ~ access denied|#5\.1\.0 address rejected",
            r"recipient address rejected: (?:access denied|user|undeliver|unverified|invalid|no such)",
            r"no (?:mail ?box|account|user|one|person) (?:here |exists )?(?:by|with|named|called|of) that",
            (
                r"(?:mail ?box|address) (?:is )?(?:currently )?unavailable|no longer (?:employed|works?|working|with|"
                r"in use|available|valid)"
            ),
            r"(?:does not|does ?n[o']t) have an? ~ account|not our customer|addressing error|final delivery userid",
            (
                r"(?:destinat[aá]rio|usuario|utilisateur|empf[aä]nger|destinatario|benutzer|destinataire|adresse|gebruiker)"
                r" ~ (?:desconoc|inconnu|unbekannt|sconosciut|inexist|n'existe|no existe|onbekend|invalide"
                r"|nicht (?:gefunden|bekannt|vorhanden|vergeben)|existiert nicht)"
            ),
            r"n[ãa]o existe|finnes ikke|ikke finnes|finns inte|findes ikke|ei ole olemassa|neexistuje|nem létezik",
            r"nu există|mevcut değil|bulunamadı",
            r"δεν υπάρχει|존재하지 않|見つかりません|不存在|(?:unbekannter|ungültige[rs]?) (?:empf|adress|benutzer)",
            r"nieznany odbiorc|odbiorca ~ nie istnieje",
            r"(?:получател|пользовател)\w+ ~ не (?:найден|существ)|宛先|ユーザ|(?:用户|收件人)\S{0,10}不存在",
        ),
    ),
)


ABOUT_THEM_LAST: tuple[Row, ...] = (
    (
        "expired",
        (
            (
                r"(?:delivery|retry|queue|message|retries|envelope) ~ (?:time ?-?(?:expired|out)|expired|gave up|"
                r"too long|exhausted|timed out)"
            ),
            r"been in the queue|giving up|gave up|given up|retry (?:time|timeout)|deleted from queue",
            (
                r"(?:hours?|days?) (?:on|in) the queue|(?:not been delivered|could not be delivered|trying|tried|"
                r"failing|aborted after) ~ \d+(?:\.\d)? ?(?:hour|day|minute)|failing for a long time"
            ),
            (
                r"will be retried for|did not accept our requests to connect|after ~ (?:attempts|retries)|"
                r"persistent transient|failed \d+ attempts|maximum delivery attempts"
            ),
            r"zustellfrist ~ abgelaufen|délai ~ expiré",
        ),
    ),
    (
        "network_error",
        (
            r"connect(?:ion)?\b ~ (?:timed out|refused|reset|closed|lost|dropped|failed|failure|unreachable|error)",
            r"(?:could ?n[o']t|unable to|wasn't able to|can(?:no|')t|failed to) (?:connect|establish|contact|reach)",
            r"(?:network|host|server|system) ~ (?:unreachable|is down|not respond\w*|timed out|not reachable)",
            (r"lost connection|no route|timed? ?out|too many hops|hop count|loop|did not respond|network error"),
        ),
    ),
    (
        "system_full",
        (r"(?:system|disk|queue|server) ~ (?:full|out of space)|insufficient system|no space ~ on",),
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
                r"(?:system|server|internal|local|config\w*|mailer|temporar\w+|\bi/?o\b|resource|pipe|forward\w*|ldap|database)"
                r" ~ (?:error|fail|problem|unavailable|deferred)"
            ),
            (
                r"try (?:again )?later|temporar|(?:can't|cannot|could not) (?:create|open|write|load|"
                r"append|lock|execute)"
            ),
            r"exit (?:code|status)|service (?:temporarily |currently )?(?:unavailable|not available)|gr[ae]ylist",
            r"lmtp|deferred",
        ),
    ),
    (
        "syntax_error",
        (
            r"syntax error|command (?:not recogni[sz]ed|unrecogni[sz]ed|not implemented)|parameter not implemented",
            r"bad sequence|protocol error|malformed address|incorrectly constructed",
        ),
    ),
)
"""States that pass, looked for where nothing speaks of the address itself."""
