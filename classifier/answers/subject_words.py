"""How the subjects of automatic answers begin, language by language.

The tables hold regular expressions in natural spelling; they are folded like the subject they search (lower case, no
accents), so they use no class in capitals.
"""

# ruff: noqa: RUF001 - letters of many scripts look alike, and each of them is meant.
from __future__ import annotations

ANSWER_SUBJECTS: dict[str, str] = {
    "en": r"auto(?:mat(?:ic|ed))?[ -]?(?:e-?mail )?(?:reply|response|responder|respond|answer|acknowledge?ment)"
    r"(?: message)?|auto ?(?=:)",
    "de": r"automatische (?:e-?mail-?)?(?:antwort|rückantwort|e-?mail|nachricht|mitteilung)|auto-?antwort|"
    r"elektronische rückantwort|(?:automatische )?(?:eingangs|empfangs)bestätigung",
    "fr": r"(?:message de )?réponse automatique|message automatique|accusé de réception",
    "es": r"(?:respuesta|contestación|mensaje) automátic[ao]|autorespuesta|acuse de recibo",
    "it": r"(?:risposta|messaggio) automatic[ao]|conferma (?:automatica )?di ricezione",
    "pt": r"(?:resposta|mensagem) automática|confirmação de rece(?:bimento|ção)",
    "nl": r"automatisch(?:e)? (?:antwoord|bericht|beantwoording|reactie)|ontvangstbevestiging",
    "pl": r"automatyczna odpowiedź|odpowiedź automatyczna|autoodpowiedź|potwierdzenie otrzymania",
    "sv": r"autosvar|automatiskt svar|automatiskt meddelande",
    "da": r"automatisk (?:svar|besked)|autosvar",
    "nb": r"automatisk svar|autosvar",
    "fi": r"automaattinen (?:vastaus|viesti)|automaattivastaus",
    "cs": r"automatická odpověď|automatick[ay] odpoveď",
    "hu": r"automatikus (?:válasz|üzenet)",
    "tr": r"otomat[ıi]k (?:yan[ıi]t|cevap)",
    "ro": r"răspuns automat",
    "ru": r"автоматический ответ|автоответ|автоответчик",
    "el": r"αυτόματη απάντηση",
}
"""How the subject of any automatic answer begins."""

UNSPACED_ANSWERS: dict[str, str] = {
    "ja": r"【?(?:自動返信|自動応答|自動送信|自動配信)(?:メール)?】?",
    "zh": r"自动(?:回复|答复|应答)|自動(?:回覆|回復|答覆)",
    "ko": r"\[?자동 ?(?:회신|응답|답장)\]?",
}
"""The same in scripts that put no space between words."""

ABSENCE_SUBJECTS: dict[str, str] = {
    "en": r"(?:i am |i'm |currently )?out[ -]of[ -](?:the )?office(?: (?:auto[ -]?reply|reply|message|notice|"
    r"notification|response|notif))?|ooo|absence (?:notice|notification)|vacation (?:notice|message|reply|"
    r"autoreply|response)|holiday notice",
    "de": r"abwesenheit(?:s(?:notiz|nachricht|meldung|assistent|benachrichtigung|info))?|abwesend|nicht im büro|"
    r"ich bin (?:nicht im (?:büro|haus)|im urlaub|derzeit nicht)",
    "fr": r"(?:message|notification|avis) d'absence|absence du bureau|absent du bureau|je suis absente?|absente?",
    "es": r"(?:estoy )?fuera de (?:la )?oficina|(?:mensaje|aviso|notificación) de ausencia|ausente",
    "it": r"fuori (?:ufficio|sede)|(?:messaggio|avviso|notifica) di assenza|assente",
    "pt": r"fora d[oe] escritório|(?:mensagem|aviso) de ausência|ausência temporária|ausente",
    "nl": r"afwezig(?:heids(?:bericht|melding))?|niet op kantoor|afwezigheid",
    "pl": r"(?:jestem )?poza biurem|nieobecność(?: w biurze)?|nieobecny|nieobecna",
    "sv": r"frånvaro(?:meddelande)?|frånvarande",
    "da": r"fravær(?:sbesked|smeddelelse)?|ikke til stede",
    "nb": r"fravær(?:smelding)?|fraværsassistent|ikke til stede",
    "fi": r"poissa(?: toimistosta)?|poissaolo(?:ilmoitus|viesti)?|lomavastaus",
    "cs": r"mimo kancelář|nepřítomnost|nejsem v kanceláři",
    "hu": r"házon kívül|távolléti (?:üzenet|értesítés)|irodán kívül",
    "tr": r"of[ıi]s d[ıi]ş[ıi](?:nda(?:y[ıi]m)?)?",
    "ro": r"absent din birou|în afara biroului|plecat din birou",
    "ru": r"нет на месте|отсутствие на рабочем месте|вне офиса|не в офисе",
    "el": r"εκτός γραφείου|απουσία από το γραφείο",
}
"""How the subject of an absence notice begins."""

UNSPACED_ABSENCES: dict[str, str] = {
    "ja": r"【?不在(?:通知|のお知らせ|連絡|です|につき|届)?】?",
    "zh": r"不在办公室|不在辦公室|外出(?:自动)?通知|休假通知",
    "ko": r"\[?부재 ?중?(?: ?(?:알림|안내|메시지))?\]?",
}
"""The same in scripts that put no space between words."""

AWAY_SUBJECTS: dict[str, str] = {
    "any": r"[^:?]{2,90} (?:(?:is|will be) (?:currently )?(?:out(?: of (?:the )?office)?|away|on (?:leave|vacation))|"
    r"ist (?:außer haus|nicht im (?:büro|haus)|abwesend|im urlaub)|(?:est|sera) absent(?:e|\(e\))?|"
    r"está (?:ausente|fuera de la oficina|fora do escritório)|è (?:assente|fuori (?:ufficio|sede))|is afwezig|"
    r"is niet (?:aanwezig|op kantoor)|jest (?:poza biurem|nieobecn[ya]|na urlopie))",
}
"""Whole subjects of the kind "Tom Reed is out of the office", as Notes writes them."""

MAYBE_SUBJECTS: dict[str, str] = {
    "en": r"(?:(?:i am |i'm |away )?(?:on )?(?:vacation|holiday|holidays|leave|annual leave|maternity leave|"
    r"parental leave)|(?:i am |i'm )?(?:away|out)|away from (?:my )?(?:mail|e-?mail|office|desk)|absence|absent|"
    r"not in the office|not available|i'm here,? but.{0,20})|.{0,60}\bauto[ -]?reply\b.{0,30}",
    "receipt": r"(?:.{0,60}\b)?(?:(?:request|message|inquiry|enquiry|ticket|case|e-?mail|"
    r"mail) (?:[^ ]{1,20} )?(?:has been |"
    r"was |is )?(?:received|created|opened|acknowledged)|received your .{0,40}|(?:message|request|e-?mail) "
    r"acknowledge?ment|thank you for (?:contacting|your (?:message|e-?mail|inquiry|enquiry|request)).{0,60})",
    "de": r"urlaub|im urlaub|elternzeit|ihre (?:anfrage|nachricht)(?: .{0,40})?|ticket[ #:].{0,40}",
    "fr": r"absence|absences?|vacances|en vacances|congés?|en congés?|votre (?:demande|message)(?: .{0,40})?",
    "es": r"vacaciones|de vacaciones|ausencia|su (?:solicitud|mensaje|consulta)(?: .{0,40})?",
    "it": r"ferie|in ferie|assenza|la (?:sua|vostra) richiesta(?: .{0,40})?",
    "pt": r"férias|de férias|ausência|(?:o seu|seu) pedido(?: .{0,40})?",
    "nl": r"vakantie|op vakantie|met vakantie|verlof|uw (?:aanvraag|bericht|vraag)(?: .{0,40})?",
    "pl": r"urlop|na urlopie|twoje zgłoszenie(?: .{0,40})?",
}
"""Whole subjects that people write as well: a weak sign."""
