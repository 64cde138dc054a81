"""The words of delivery reports in many languages: subjects, "could not be delivered", "still trying", "challenge".

Every phrase is compared with text in lower case; accents stand as mail systems write them.
"""

from __future__ import annotations

from classifier.phrases import Phrases

SUBJECT = Phrases(
    # English
    r"undeliver|un-deliverable|non.?deliver|not delivered|can(?:no|')t (?:be )?deliver|unable to deliver",
    r"could not (?:be delivered|send|deliver)|couldn.t be delivered|was ?n.t delivered|not be delivered",
    r"return(?:ed|ing) (?:e-?mail|mail|message|to sender)|mail returned",
    (
        r"(?:delivery|mail|message|e-?mail|transport|sending|smtp)[ -]*(?:status )?(?:delivery )?"
        r"(?:notification|fail|error|problem|report|unsuccessful|rejected|aborted|could ?n.t|delayed|system error)"
    ),
    r"fail(?:ed|ure)[ -](?:notice|mail|delivery|of delivery|to deliver)|fail(?:ed|ure)\b.{0,30}deliver",
    r"\bndr\b|\bdsn\b|bounce|user unknown|unknown (?:user|recipient)|mailbox (?:full|unavailable)|quota",
    r"warning: (?:could not|message)|delay|rejected|returned|problem|error sending",
    r"(?:message|e?-?mail) (?:was |has been )?(?:blocked|stopped|discarded|quarantined)|potential virus",
    # Deutsch
    r"unzustellbar|zustell|nicht (?:zugestellt|zustellbar|ausgeliefert)|fehlgeschlagen|fehler",
    # Français
    r"échec|echec|non[ -](?:remis|distribu|d[ée]livr)|impossible de (?:remettre|distribuer)|avis de non",
    # Español, português, italiano
    r"no (?:se )?(?:ha podido|puede|pudo|ha sido) (?:entreg|ser)|no entreg|devuelto|fallo",
    r"error (?:de|en) (?:la )?entrega",
    r"não (?:foi |p[ôo]de ser )?entregue|falha|devolvid|entrega (?:falhou|fallida)",
    r"mancat[ao] (?:recapito|consegna)|non (?:consegnat|recapitat|recapitabile)|impossibile (?:recapitare|consegnare)",
    # Nederlands, polski, svenska, dansk, norsk, suomi
    r"onbestelbaar|niet (?:besteld|bezorgd|afgeleverd)|kan niet worden (?:bezorgd|afgeleverd)",
    r"niedostarcz|niedoręcz|nie (?:dostarczono|doręczono|można dostarczyć)|zwrot|błąd",
    r"gick inte att leverera|kunde inte (?:levereras|leverera)|olevererbar|går inte att leverera|ej levererat",
    r"kan ikke leveres|kunne ikke leveres|ikke leveret|ikke levert|uleverbar|uleveret|ei voitu toimittaa|toimitus",
    # Čeština, magyar, română, türkçe
    r"nedoručiteln|nelze doručit|nedoruč|kézbesíthetetlen|nem kézbesíthető|nelivrat|imposibil de livrat|teslim edileme",
    # Русский, українська, 日本語, 中文, 한국어
    r"не доставлен|недостав|ошибк|не може бути доставлен|не удалось доставить|недоставк",
    r"エラー|配信|配送|送信できません|未達",
    r"退信|系统退信|无法投递|無法傳送|邮件传输|投递失败|未送达|반송|전송 실패|배달",
)

_NOT_DELIVERED = (
    r"undeliver|nondeliver|non-deliver|not delivered|delivery status notification|return(?:ed|ing)? to sender",
    r"(?:returned|returning|failed|rejected) (?:mail|message)|transcript of session|dead letter",
    r"(?:could|can|was|were|has|have|did|is|are|will)(?: ?n.t|not| not)\b\W{1,3}(?:\w{1,20}\W{1,3}){0,4}?deliver",
    r"(?:unable|failed|impossible) to (?:deliver|reach|relay)|could not (?:send|reach)|not be sent",
)
_UNDELIVERED = (
    *_NOT_DELIVERED,
    r"fail\w{0,4}\W{1,3}(?:\w{1,20}\W{1,3}){0,3}?deliver|(?:message|mail) (?:has )?bounced|hard[ -]bounced",
    r"deliver\w{0,4}\W(?:\w{1,20}\W{1,3}){0,5}?(?:fail|error|abort|impossible|unsuccess|reject|refus|problem)",
    (
        r"(?:message|mail|e-?mail)\b(?: (?:that )?you sent| from you| to \S{3,80})? (?:was|has been|is being|were|is) "
        r"(?:\w+ )?(?:reject|return|refus|bounc|discard|block|stopped)"
    ),
    r"(?:stopped|blocked|rejected|refused|returned) (?:a|your|the) (?:message|mail|e-?mail)",
    r"unzustellbar|nicht (?:zugestellt|zustell|ausgeliefert|erreicht|möglich)",
    r"konnte nicht (?:an |übermittelt|gesendet)",
    (
        r"n'a pas pu|non remis|pas (?:été|pu|pu etre) .{0,30}(?:remis|d[ée]livr|distribu)|"
        r"impossible de (?:remettre|distribuer|livrer)|échec de (?:la )?(?:remise|livraison|distribution)"
    ),
    r"no se (?:ha podido|pudo|puede)|no (?:ha podido|pudo|se entreg)|error al entregar|no fue (?:posible|entregad)",
    r"non (?:è stato possibile|può essere|consegnat|recapitat)|impossibile (?:recapitare|consegnare)",
    r"não (?:foi possível|foi entregue|pôde|pode)|falha (?:na|de) entrega",
    r"niet (?:worden )?(?:bezorgd|afgeleverd|besteld)",
    r"nie (?:mogła|może|została|można|powiodło|udało)|niedostarcz",
    r"(?:kunde|kan|gick|går|kunne) (?:inte|ikke|ej)\b.{0,20}lever",
    r"ei voitu toimittaa|nelze doručit|nebyla? doručen|nem (?:lehet|sikerült|volt) (?:kézbesít|elküld)",
    r"nu a putut fi livrat",
    r"teslim edilemedi|iletilemedi|не (?:может|могло|удалось|доставл|была? доставл)|не може бути",
    r"できません|できなかった|失敗|エラー|不明|一杯|届け|配信不能|无法|無法|失败|失敗|退回|不存在|전송.{0,10}실패|전달.{0,10}(?:못|실패)",
    r"stat[ao] rifiutat[ao]|mancata consegna|mancato recapito|rifiutato dal|a été (?:refus|rejet)|fue rechazad",
    r"wurde (?:abgelehnt|zurückgewiesen)|foi (?:rejeitad|recusad)|geweigerd|została? odrzucon",
)

NOT_DELIVERED = Phrases(*_NOT_DELIVERED)
"""Words that deny the arrival of a mail, and cannot be said where one arrived."""

UNDELIVERED = Phrases(*_UNDELIVERED)
"""Words that speak of a mail that did not arrive."""

FAILURE = Phrases(
    *_UNDELIVERED,
    (
        r"undeliver|(?:could ?n.t|could not|cannot|can.?t|can not|was not|were not|wasn.t|"
        r"weren.t|not be|unable to|failed to|not been|has not|did not|impossible to|unable|error|fail\w{0,4}|problems?|"
        r"trouble|impossible)\W{1,3}"
        r"(?:\w{1,20}\W{1,3}){0,8}?(?:deliver|sen[dt]\b|reach|receiv|process|relay|accept|complete|found)"
    ),
    (
        r"deliver\w{0,4}\W(?:\w{1,20}\W{1,3}){0,8}?"
        r"(?:fail|error|abort|impossible|unsuccess|problem|trouble|not |reject|refus)"
    ),
    r"fail\w{0,4}\W(?:\w{1,20}\W{1,3}){0,4}?(?:address|recipient|deliver|permanent)|failed \d+ attempts",
    r"(?:permanent|fatal|fatally|unrecoverable|transient) (?:fatal |delivery )?(?:error|fail)",
    (
        r"(?:message|mail|e-?mail|it) (?:was|has been|is being|were|is) (?:\w+ )?"
        r"(?:reject|return|refus|bounc|discard|block)"
    ),
    r"return(?:ed|ing) (?:mail|message|to sender|it to)|users? unknown|unknown (?:user|recipient|address)",
    r"not delivered",
    r"(?:mail ?box|quota|account)\b.{0,40}(?:full|exceed|disabled|over)|over quota|mailbox unavailable",
    r"no such (?:user|address)|bounce|rejected|refused|delivery status notification|nondeliver|transcript of session",
    r"fail(?:ed|ure) (?:notice|mail)|no mail ?box|not exist|doesn.t exist",
    r"not a valid (?:user|address|recipient|mailbox)",
    r"smtp error|dead letter|gave up|giving up|failure reason|failed recipients|maximum delivery attempts|\b55\d[ -]",
    r"incorrectly constructed|no longer (?:valid|in use|accepts)",
)
"""Words of failure in general: enough where a mail system speaks."""

DELAY = Phrases(
    r"(?:warning|this is (?:just |only )?a warning)\b.{0,120}(?:still|not yet|delay|will|could not|has not|undeliver)",
    r"(?:still|be) (?:being )?(?:re)?tr(?:ied|ying)|has been (?:delayed|postponed)|is delayed|delivery delayed",
    r"delayed mail",
    r"delayed \(|temporary problem delivering|verzögert|retard[ée]|se ha retrasado|in ritardo|atrasad|vertraagd|opóźni",
    r"försen|forsinke|viivästy|zpožděn|задерж|遅延|延迟|지연",
)
"""A delay, where nothing tells of the end."""

SUCCESS = Phrases(
    r"(?:was|has been|were|have been) (?:successfully )?(?:delivered|relayed)\b",
    r"successfully (?:delivered|relayed|sent)|erfolgreich zugestellt|a été remis avec succès|correctamente entregad",
)

GOES_ON = Phrases(
    r"\bkeeps? trying|further (?:delivery )?attempts (?:are|will be)|not be delivered yet",
    r"is still queued|still in the queue",
    r"will (?:keep|continue|be retried|retry|try again|still)|you do not need to resend|will be (?:re)?tried",
    r"not yet been delivered|retry(?:ing)? (?:for|until)|attempts? .{0,40}will (?:continue|be made)",
    r"attempts will continue",
    r"weitere zustellversuche|wird (?:weiter|erneut) versucht|nouvelles? tentatives?|sera retent|continuera",
    r"se reintentar|seguir[áe]\w* intent|nuovi tentativi|tentaremos|continuar[áa] tentando",
    r"opnieuw (?:proberen|geprobeerd)",
    r"ponowi|повторн\w+ попыт|再送を(?:試み|行)|自动重试|继续尝试",
)
"""They go on trying: that outweighs every word of failure but the final ones."""

OVER = Phrases(
    r"permanent|fatal|giving up|gave up|given up|no further (?:attempts|delivery)|will not (?:be )?(?:retr|tr)",
    r"(?:was|(?<!then it )is|has been|been) returned to (?:the )?sender|will be deleted",
    r"endgültig|définitivement|definitiv",
)
FAILED = Phrases(
    r"has failed|have failed|delivery .{0,20}failed|undeliverable|not be delivered|expired|was rejected",
    r"5\.\d\.\d|\b55\d[ -]|failed addresses|address\(es\) failed",
)

DELAY_SUBJECT = Phrases(
    r"delay|still trying|not yet|postponed|warning[:\- ]{1,3}(?:could not|message)",
    r"for (?:the )?past [\d.]+ (?:hour|minute|day)",
    r"verzögert|verspätet|retard|retras|ritardo|atras|vertraagd|opóźni|försen|forsink|задерж|遅延|延迟|지연|warning$",
)

CHALLENGE = Phrases(
    r"requires? (?:confirmation|verification)\b.{0,80}\b(?:visit|click|reply)|wait-?listed|guest list",
    r"sender not pre-approved",
    r"\b(?:click|visit|follow|reply)\b.{0,80}\b(?:to (?:confirm|verify|prove|release)|to be added|be approved)",
    r"(?:approved|permitted|allowed) senders? list",
    r"sender (?:address )?(?:verification|confirmation) (?:required|request)",
    r"you are (?:a )?(?:human|real person)|not a (?:spam )?robot|spamarrest|challenge.response",
)
"""Notices that hold a mail until its sender confirms it: no failure, and nobody's address is dead."""

STATEMENT = Phrases(
    r"(?:your|the|votre|ihre|su|il (?:tuo|suo)|sua|uw|twoja) (?:e-?mail|message|mail|nachricht|mensaje|messaggio"
    r"|mensagem|bericht|wiadomość)\b.{0,60}\b(?:could not|couldn't|cannot|can't|was not|has not been|n'a pas pu"
    r"|konnte nicht|no (?:se )?pudo|não p[ôo]de|non ha potuto|niet)\b.{0,60}"
    r"\s<?[^\s@<>]{1,64}@[^\s@<>]{3,255}>?(?:\s|$)",
)
"""A whole report in one sentence, by a system that says no more."""
