"""Why a delivery failed: one reason from the words of the diagnostic first, from its codes second."""

from __future__ import annotations

import re

from classifier.verdict import BounceKind

HARD, SOFT, POLICY, DELAYED, UNKNOWN = (
    BounceKind.HARD,
    BounceKind.SOFT,
    BounceKind.POLICY,
    BounceKind.DELAYED,
    BounceKind.UNKNOWN,
)

KIND_OF: dict[str, BounceKind] = {
    "user_unknown": HARD,
    "host_unknown": HARD,
    "has_moved": HARD,
    "suspended": HARD,
    "not_accepting": HARD,
    "mailbox_full": SOFT,
    "expired": SOFT,
    "filtered": SOFT,
    "system_full": SOFT,
    "system_error": SOFT,
    "network_error": SOFT,
    "exceed_limit": SOFT,
    "blocked": POLICY,
    "bad_reputation": POLICY,
    "spam_detected": POLICY,
    "policy_violation": POLICY,
    "auth_failure": POLICY,
    "require_ptr": POLICY,
    "speeding": POLICY,
    "too_many_connections": POLICY,
    "no_relaying": POLICY,
    "security_error": POLICY,
    "rejected": POLICY,
    "message_too_big": POLICY,
    "content_error": POLICY,
    "virus_detected": POLICY,
    "syntax_error": POLICY,
    "on_hold": UNKNOWN,
    "undefined": UNKNOWN,
}
"""What each reason means for the address: only a reason that names the address or its domain as dead is hard."""

_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # What the mail, its content or its sender did wrong is never the address's fault, so it is asked first.
    (
        "auth_failure",
        (
            r"\bdmarc\b",
            r"\bdkim\b",
            r"\bspf\b",
            r"sender policy framework",
            r"unauthenticated (?:e?-?mail|sender)",
            r"5\.7\.(?:20|21|22|23|24|26|27|30)\b",
            r"not authorized to send (?:mail|from)",
            r"message .{0,30}fails? .{0,40}authentication",
        ),
    ),
    (
        "require_ptr",
        (
            r"\bptr\b",
            r"reverse (?:dns|hostname|lookup|mapping|ip)",
            r"\brdns\b",
            r"cannot (?:find|resolve) your (?:hostname|reverse)",
            r"client host rejected: cannot find your",
            r"fix reverse dns",
            r"no (?:matching )?(?:ptr|reverse)",
            r"(?:ip|address) .{0,40}(?:does not|doesn't) .{0,20}resolve",
            r"unresolvable relay host",
        ),
    ),
    (
        "virus_detected",
        (r"\bvirus(?:es)?\b", r"\bmalware\b", r"\bworm\b", r"infected", r"executable files? (?:are|is) not"),
    ),
    (
        "spam_detected",
        (
            r"(?:detected|identified|classified|flagged|considered|recogni[sz]ed|marked|determined|appears?|looks like|as) .{0,40}(?:spam|unsolicited|junk)",
            r"(?:spam|unsolicited) (?:message|mail|e-?mail|content|score|detect|reject|refus|not accepted|filter)",
            r"spam(?: ?assassin| ?trap|iness|my)",
            r"\b(?:high|is|is a|like|probably|possible|as|for|bulk|no) spam\b",
            r"message (?:rejected|refused) .{0,40}spam",
            r"rejected .{0,30}(?:as|by) .{0,20}spam",
            r"\bspam\W*$",
            r"message contains (?:spam|unacceptable|a url)",
            r"\bubE\b|\buce\b",
            r"rule imposed mailbox access",
            r"5\.7\.1 .{0,30}content (?:rejected|filter)",
        ),
    ),
    (
        "bad_reputation",
        (
            r"(?:bad|low|poor|sender) (?:ip |domain |sender |very low )?reputation",
            r"reputation of (?:your|the) ?(?:ip|sending|domain)?",
            r"low reputation",
            r"\bsenderscore\b",
            r"senderbase",
        ),
    ),
    (
        "blocked",
        (
            r"block ?list|black ?list|blocklisted|deny ?list",
            r"\b(?:rbl|dnsbl|spamhaus|spamcop|barracuda reputation|sorbs|uceprotect|njabl|invaluement)\b",
            r"(?:ip|address|host|client|server|domain|sender|connection)\b.{0,60}\b(?:is |are |been |was |temporarily |currently )*(?:blocked|banned|black|barred)",
            r"blocked (?:using|by|due|for|for abuse|because|- see|from)",
            r"(?:access|connection|client|client host|host|ip|service|relay|mail from|e-?mail from) (?:denied|refused|rejected|blocked|dropped|not allowed)\b.{0,60}(?:your ip|ip address|from \[?\d|\bip\b|\[\d)",
            r"(?:mail|messages?|mails|connections?) from (?:your (?:ip|server|host|domain)|\[?\d{1,3}\.\d).{0,60}(?:refused|rejected|denied|not accepted|blocked)",
            r"no access from",
            r"your (?:server|host|ip|network|mail server|domain|connection).{0,40}(?:blocked|rejected|banned|refused|listed|not allowed|denied)",
            r"connection (?:refused|rejected) (?:due|because|by policy)",
            r"bad (?:dns|helo|ehlo)|(?:helo|ehlo) .{0,30}(?:reject|invalid|forge)",
            r"dynamic (?:ip|pool|host)|generic rdns|residential",
            r"error 554.{0,20}no smtp service|no smtp service here",
            r"banned (?:sending|sender|ip)",
            r"you are not allowed to connect|connect(?:ion)?s? (?:are )?not accepted",
            r"service not available.{0,10}closing .{0,40}(?:your|ip)",
        ),
    ),
    (
        "speeding",
        (
            r"too (?:many|much) (?:messages?|mails?|e-?mails?|recipients) .{0,40}(?:too|per|in|hour|minute|short|period)",
            r"rate limit|rate-limit|ratelimit|throttl",
            r"(?:sending|receiving|mails?) .{0,30}(?:too (?:quickly|fast)|at a rate)",
            r"(?:limit|quota) .{0,40}(?:per (?:hour|day|minute)|hourly|daily)",
            r"unusual rate",
            r"please (?:slow down|try again slowly)",
        ),
    ),
    (
        "too_many_connections",
        (
            r"too many (?:concurrent |simultaneous |smtp |open )?(?:connections?|sessions|errors)",
            r"(?:concurrent|simultaneous) (?:smtp )?(?:connections?|sessions) .{0,30}(?:exceed|limit|reached)",
            r"connection (?:rate|count) limit|exceeded .{0,30}connections",
            r"all available ips? .{0,40}(?:limit|refus)",
        ),
    ),
    (
        "exceed_limit",
        (
            r"message size exceeds? (?:the )?(?:limit|maximum|size)? ?.{0,20}(?:for (?:this|the) (?:user|mailbox|recipient)|of (?:the )?recipient)",
            r"5\.2\.3\b",
            r"(?:recipient|user|mailbox)(?:'s)? .{0,30}(?:message|mail) size (?:limit|restrict)",
            r"message too large for (?:this |the )?(?:recipient|user|mailbox)",
            r"message is larger than the space available|exceeds? (?:the )?(?:recipient|per-user)",
        ),
    ),
    (
        "message_too_big",
        (
            r"(?:message|mail|e-?mail|body|header|attachment)s? (?:file )?(?:is |was |size |length )*.{0,20}(?:too (?:big|large|long)|exceed|over|larger|bigger|greater)",
            r"(?:exceeds?|exceeded|over|larger than|bigger than|greater than) .{0,30}(?:message|mail|size) ?.{0,20}(?:size|limit|maximum|allowed)",
            r"max(?:imum)? (?:message|mail)? ?size",
            r"5\.3\.4\b|5\.2\.3\b",
            r"size limit",
        ),
    ),
    (
        "mailbox_full",
        (
            r"(?:mail ?box|inbox|mail ?folder|mail ?drop|account|mail ?spool|mail ?store|user|recipient|storage|disk)(?:'s)?\b.{0,50}\b(?:full|over.?quota|exceed|over .{0,20}(?:quota|limit|storage))",
            r"over .{0,12}quota|over(?:\s|-)?quota|overquota|overdrawn|quota .{0,30}(?:exceed|full|violat|error|over|limit)|exceed.{0,40}(?:quota|storage|space|allocation)",
            r"quota\b.{0,20}$|\bquota\b.{0,80}(?:user|mailbox|recipient)",
            r"(?:insufficient|not enough|no|out of|too little) (?:disk |storage |mail|mail ?box |system )?(?:space|storage|room)",
            r"full mail ?box|mailbox_?full|mail ?box .{0,20}full|not enough storage",
            r"5\.2\.2\b|4\.2\.2\b",
            r"too (?:many|much) (?:mail|messages|data) (?:data )?(?:in|on|for) (?:the |this |that )?(?:mail|user|account|drop)",
            r"(?:boite|boîte|bo.te).{0,30}(?:pleine|satur)|buzón .{0,20}lleno|casella .{0,20}piena|postfach .{0,30}voll|caixa .{0,20}cheia",
            r"メールボックスが一杯|容量",
        ),
    ),
    (
        "has_moved",
        (
            r"(?:user|recipient|address|mailbox|account|e-?mail|he|she|person)\b.{0,40}\b(?:has|have) (?:been )?(?:moved|changed)",
            r"has been replaced by|new (?:e-?mail )?address is|address (?:has )?changed|no longer (?:uses|using) this",
            r"5\.1\.6\b|551 .{0,30}not local|please (?:try|use|forward) .{0,20}<?\S+@",
        ),
    ),
    (
        "suspended",
        (
            r"(?:account|mail ?box|user|recipient|address|e-?mail|id|domain|alias|customer|user_?name|mailaddress)\b.{0,60}\b(?:disabled|deactivated|suspended|inactive|not active|locked|terminated|cancell?ed|expired|closed|discontinued|dormant|on hold|not activated|frozen|blocked)",
            r"(?:disabled|deactivated|suspended|inactive|locked|closed|expired|discontinued|dormant) (?:account|mail ?box|user|recipient|address|domain|e-?mail|customer|login)",
            r"(?:suspended|inactive|disabled|deactivated) .{0,20}(?:user|account|mailbox|recipient|due|for)",
            r"mailbox (?:currently )?(?:unavailable )?.{0,10}(?:suspended|disabled|inactive|frozen)",
            r"5\.2\.1\b.{0,80}(?:disabled|inactive|deactivat|suspend)",
            r"boite.{0,30}(?:archiv|desactiv|ferm)|\bis not active\b|vdelivermail: account is locked",
        ),
    ),
    (
        "host_unknown",
        (
            r"(?:host|domain|server|name|mx|dns|recipient domain|hostname|site)\b.{0,60}\b(?:not found|unknown|not exist|does ?n[o']t exist|non.?exist|invalid|unresolv|could not be resolved|no such|lookup failed|unroutable|not known|couldn't be found|could not be found|can't be found|is bad|no mail exchanger)",
            r"(?:unknown|unrouteable|unroutable|unresolvable|invalid|illegal|bad|no such|non.?existent|unregistered|no mx for|no route to) (?:mail |e-?mail |recipient |destination |remote |the )?(?:host|domain|hostname|server|mail domain|dns name|system|site|dom[aá]in)",
            r"unrouteable (?:mail )?(?:address|domain)|name (?:service error|or service not known|has no usable)|nxdomain|no mx (?:record|found)|hostname .{0,20}nor servname|no a record|mail_?domain_?not|domain .{0,20}(?:name )?not (?:found|exist)",
            r"(?:couldn't|could not|can't|cannot|unable to) (?:find|resolve|look ?up|locate) (?:any |a |the |an? )?(?:host|domain|mx|mail exchange|dns|address|ip|route)",
            r"host or domain name not found|domain does not exist|5\.1\.2\b|5\.4\.4\b|dns (?:error|server returned)|domain .{0,40}isn't",
        ),
    ),
    (
        "not_accepting",
        (
            r"(?:domain|host|server|address) (?:does not|doesn't|do not|will not|won't|never) (?:accept|receive) (?:any )?(?:mail|e-?mail|messages)",
            r"null mx|nullmx|no mail (?:is )?accepted (?:here|at|for|by)|5\.1\.10\b.{0,40}null|(?:556|521) ",
            r"smtp protocol (?:is )?(?:not|disabled)|name server: \. ?host not found|not accept(?:ing)? (?:mail|messages|e-?mail|any)",
        ),
    ),
    (
        "user_unknown",
        (
            r"(?:user|recipient|mail ?box|mail ?drop|address|account|alias|addressee|e-?mail|login|person|receiver|rcpt|local.?part|username|inbox|customer|contact|mailaddress)(?:\(s\)|e?s)?\b.{0,60}\b(?:unknown|not (?:found|exist|known|valid|listed|registered|recogni[sz]ed|a (?:valid|known)|in|our|have|here|on this|local)|doesn'?t (?:exist|have)|does ?n[o']t (?:exist|have|list)|do(?:es)? not|don'?t exist|non.?exist|invalid|isn'?t|couldn'?t be found|could not be found|wasn'?t found|can'?t be found|no longer|undeliverable|unavailable|unroutable|is not|undefined|incorrect|rejected|unlisted|no such|nicht (?:gefunden|bekannt|vorhanden)|inconnu|desconocid|sconosciut|onbekend|is wrong|is bad)",
            r"(?:unknown|no such|invalid|bad|unrecogni[sz]ed|not a (?:valid|known)|no|non.?existent|incorrect|undefined|nonexistent|illegal|wrong|no valid|not our|no known|unlisted|not a|unknown local|unknown virtual|unknown or illegal|unknown e-?mail) (?:destination |local |virtual |mail |e-?mail |valid |smtp |such |final |recipient |recipients? |exchange |notes |domino |mailbox )*(?:user|recipient|mail ?box|mail ?drop|address|account|person|addressee|alias|local.?part|username|rcpt|customer|login|name|receiver|one)s?\b",
            r"recipient ?not ?found|user ?unknown|unknown ?user|resolver\.adr\.\w*(?:notfound|unknown|invalid)|recipnotfound|not a mailbox|addressing error",
            r"5\.1\.(?:1|10|3|0)\b|5\.4\.1\b.{0,60}(?:access denied|recipient)|\bvdeliver\w*: invalid|no (?:mail ?box|account|user|one|person) .{0,20}(?:here|by that|with|named|called|found)",
            r"recipient address rejected: (?:access denied|user|undeliver|unverified|invalid)",
            r"(?:not|isn't|wasn't|couldn't be|not be) (?:found|listed|recogni[sz]ed) (?:in|at|by|on|here)|not listed in|this address no longer|no longer (?:available|valid|works?|exists?|employed|with|at|on|in use|active|accept)",
            r"(?:does not|doesn't) have an? .{0,40}account|doesn't have a .{0,40}account|mailbox unavailable|mailnotfound|address rejected|(?:destinat[aá]rio|usuario|utilisateur|empf[aä]nger|destinatario|benutzer) .{0,40}(?:desconoc|inconnu|unbekannt|sconosciut|inexist|n'existe|no existe)",
            r"(?:was|were|is|are) not (?:found|known|valid)\b|宛先|ユーザ|不明|no matches to nameserver query|user_?not_?found|user .{0,30} not .{0,20}(?:system|server|host|site)",
        ),
    ),
    (
        "no_relaying",
        (r"relay(?:ing)?\b.{0,40}(?:denied|not (?:permitted|allowed|accepted)|prohibited|refused|rejected|access)", r"(?:unable|not allowed|not permitted|denied|no|refused|cannot|can't|won't|not) (?:to )?relay", r"not (?:a )?(?:gateway|an open relay)|we do not relay|insecure mail relay|5\.7\.1 relay"),
    ),
    (
        "content_error",
        (r"(?:improper|invalid|malformed|missing|duplicate|bad|illegal|not (?:accept|allow)).{0,30}(?:header|mime|subject|date|attachment|content|message-id|charset|encoding|line)", r"(?:attachment|file|content|html|url|link|header|message body)s?\b.{0,60}(?:not (?:allowed|accepted|permitted)|forbidden|prohibit|reject|block|banned|denied|refus)", r"5\.6\.\d+\b|\bnon.?rfc|not rfc|rfc ?(?:2?822|5322)|8.?bit|bare (?:lf|cr|newline)|banned"),
    ),
    (
        "policy_violation",
        (r"polic(?:y|ies)\b", r"5\.7\.(?:0|1|9)\b.{0,60}(?:not allowed|prohibit|restrict|violat|forbidden)", r"(?:security|local|site|administrative|admin) (?:policy|restriction|prohibition)", r"administrative(?:ly)? (?:prohibit|prohibition|lock)", r"not accept(?:ed)? (?:for|due)|prohibited|violat"),
    ),
    (
        "security_error",
        (r"authentication (?:failed|required|turned|is required)|not authenticated|must (?:be )?authenticat|auth(?:entication)? .{0,20}(?:require|fail)|start ?tls|\btls\b|\bssl\b|certificate|encryption|5\.7\.(?:3|5|8|10|11|12|13|14|51|57|60|64|124|133|134|135|136|137)\b|(?:denied|forbidden) by (?:security|the recipient)|you (?:are|have) not (?:authorized|permission)|not authori[sz]ed|sender .{0,30}(?:not authori|permission)|access denied",),
    ),
    (
        "rejected",
        (r"(?:sender|from|return.?path|mail from|envelope|originator|<>|null sender|backscatter)\b.{0,60}(?:reject|refus|denied|not accept|invalid|not (?:exist|allow|valid|found|verif)|verif|bad|unknown|must|illegal|unresolv|could not)", r"5\.1\.[78]\b|5\.7\.1 .{0,20}sender|domain of sender|(?:bad|invalid|rejected|unknown|unverified|denied) (?:sender|return)|reject(?:ed)? (?:null|empty)|address verification|callback|sender verif|empty envelope",),
    ),
    (
        "system_full",
        (r"(?:system|disk|file system|mail system|queue|server)\b.{0,30}(?:full|out of space|insufficient)|insufficient system (?:storage|resources)|4\.3\.1\b|5\.3\.1\b",),
    ),
    (
        "expired",
        (
            r"(?:delivery|retry|queue|message|time|timeout|mail|connection|retries)\b.{0,60}(?:time ?-?(?:expired|out|d out)|expired|exceeded|gave up|too long|too old|exhausted|timed out)",
            r"[45]\.4\.7\b|(?:queue|retry) (?:time|timeout|lifetime|period)|(?:too long|too old) .{0,20}queue|been in the queue|giving up|retry time not reached|unable to deliver .{0,60}(?:hours|days)|(?:could not be delivered|undelivered|failing|not been delivered|retrying|tried|trying) for .{0,20}(?:hours?|days?|minutes)|after .{0,20}(?:hours|days|attempts|retries)|delivery (?:time )?expired|persistent transient|temporar(?:y|ily) .{0,40}(?:expired|too long)",
        ),
    ),
    (
        "network_error",
        (
            r"connect(?:ion)? (?:timed out|refused|reset|closed|lost|dropped|failure|failed|error|to .{0,80}(?:timed out|refused|failed|unreachable))|(?:couldn't|could not|unable to|cannot|can't|failed to) (?:connect|establish|contact|reach)|(?:network|host|server|system|route) .{0,20}(?:unreachable|is down|not respond|error|unavailable|was not responding|timed out)|lost connection|no route|timed? ?out|too many hops|hop count|loop(?:s)? (?:detected|back)|mail (?:forwarding )?loop|routing loop|[45]\.4\.[0-6]\b|conversation with .{0,80}(?:timed out|lost)|did not respond|all hosts .{0,60}(?:fail|down|unreach)",
        ),
    ),
    (
        "filtered",
        (
            r"(?:filter|rejected by (?:the )?(?:recipient|user|domain)|refused by|because the recipient is (?:not accepting|only accept)|user.?reject|recipient (?:rejected|refuses)|not accept(?:ing)? (?:mail|messages) from|restricted|resolver\.rst\.|due to (?:the recipient's|extended inactivity)|you are not (?:in|on)|only accepts? (?:mail|messages)|sender .{0,40}whitelist|transport\.rules|permission|rejected by the domain|this recipient|denied by)",
        ),
    ),
    (
        "system_error",
        (
            r"(?:system|server|internal|local|config(?:uration)?|software|temporary|temporarily|i/?o|resource|command|program|mailer|pipe|forward(?:ing)?|transport|ldap|database|routing|mail system|unexpected) .{0,30}(?:error|fail|problem|unavailable|deferred|reject)|try again later|temporar|[45]\.3\.[05]\b|(?:can't|cannot|could not) (?:create|open|write|append|chdir|lock|execute)|exit (?:code|status)|exited with|unknown mailer error|service (?:unavailable|not available)|greylist|graylist|could not process|lmtp|pipe to",
        ),
    ),
    (
        "syntax_error",
        (r"syntax error|command (?:not recogni[sz]ed|unrecogni[sz]ed|not implemented|unknown)|bad sequence|protocol error|5\.5\.[0-46]\b|unrecognized command|unexpected (?:response|command)|improper use|\b50[0-4] ",),
    ),
)

_TABLE = tuple((reason, re.compile("|".join(patterns))) for reason, patterns in _WORDS)

_BY_STATUS: tuple[tuple[str, str], ...] = (
    ("5.1.1", "user_unknown"),
    ("5.1.10", "user_unknown"),
    ("5.1.2", "host_unknown"),
    ("5.1.3", "user_unknown"),
    ("5.1.4", "user_unknown"),
    ("5.1.6", "has_moved"),
    ("5.1.7", "rejected"),
    ("5.1.8", "rejected"),
    ("5.1.0", "user_unknown"),
    ("5.2.1", "suspended"),
    ("x.2.2", "mailbox_full"),
    ("x.2.3", "exceed_limit"),
    ("x.3.1", "system_full"),
    ("x.3.4", "message_too_big"),
    ("5.4.4", "host_unknown"),
    ("x.4.7", "expired"),
    ("x.4.", "network_error"),
    ("x.3.", "system_error"),
    ("x.5.", "syntax_error"),
    ("x.6.", "content_error"),
    ("x.7.", "policy_violation"),
    ("x.1.", "undefined"),
)
"""Enhanced codes (RFC 3463) to reasons, the longest first where one begins like another; x is 4 or 5."""

_BY_REPLY = {"550": "user_unknown", "551": "has_moved", "552": "mailbox_full", "556": "not_accepting"}
"""What a bare reply code most often means; weak, so it serves only where the code stands in the report's own field."""

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<![\d.])([45]\d\d)(?=[ \-#:]|$)")
MOST_DIAGNOSTIC = 2_000


def reason_in(words: str) -> str | None:
    """Return the reason that the words of a diagnostic give, or None where they give none."""
    text = " ".join(words[:MOST_DIAGNOSTIC].lower().split())
    return next((reason for reason, pattern in _TABLE if pattern.search(text)), None) if text else None


def reason_of_codes(status: str | None) -> str | None:
    """Return the reason an enhanced status code gives by itself (RFC 3463), or None."""
    if not status:
        return None
    for code, reason in _BY_STATUS:
        wanted = status[0] + code[1:] if code[0] == "x" else code
        if status == wanted or (code.endswith(".") and status.startswith(wanted)):
            return reason
    return None


def status_in(words: str) -> str | None:
    """Return the first enhanced status code in the words that says more than "other"."""
    codes = _STATUS.findall(words[:MOST_DIAGNOSTIC])
    return next((code for code in codes if not code.endswith(".0.0")), codes[0] if codes else None)


def reply_in(words: str) -> str | None:
    """Return the first SMTP reply code (RFC 5321) of a refusal in the words."""
    found = _REPLY.search(words[:MOST_DIAGNOSTIC])
    return found[1] if found else None


def kind_of(reason: str, status: str | None, reply: str | None) -> BounceKind:
    """Return what the reason means for the address; a "not now" code never makes it dead."""
    kind = KIND_OF[reason]
    passing = (status or reply or "").startswith("4")
    return BounceKind.SOFT if kind is BounceKind.HARD and passing else kind
