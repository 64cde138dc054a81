"""Words of notices that are none of absence: gone for good, an address nobody reads, or merely slow to answer.

The tables hold regular expressions in natural spelling; they are folded like the text they search (lower case, no
accents), so they use no class in capitals.
"""

# ruff: noqa: RUF001 - letters of many scripts look alike, and each of them is meant.
from __future__ import annotations

from classifier.phrases import Rows

LEFT: Rows = {
    "en": (
        (
            r"\bno longer (?:with (?!you)|at |works?\b|working|employed|part of|a member|in (?:this|"
            r"the) (?:role|position|company)|here\b|available at this)"
        ),
        (
            r"\b(?:has|have|'ve|i've) (?:now |since )?left\b(?! (?:for|early|on)\b)|\bleft (?:the )?(?:company|"
            r"organi[sz]ation|firm|business|team)|\b(?:has|have|i am|is|i'm) (?:now )?retired\b|\bmoved on (?:from|to)"
        ),
    ),
    "de": (
        (
            r"\bnicht (?:mehr|länger) (?:\w{1,20} ){0,6}(?:tätig|beschäftigt|unternehmen|angestellt|im hause|aktiv)|"
            r"\barbeitet? (?:\w{1,20} ){0,3}nicht (?:mehr|länger)"
        ),
        r"\bausgeschieden|\b(?:unternehmen|firma) (?:\w{1,20} ){0,3}verlassen|\bim ruhestand|\bin rente\b",
    ),
    "fr": (
        (
            r"\bne (?:fait|fais|travaille) plus\b|\ba quitté\b|\bj'ai quitté\b|\bn'est plus (?:en poste|dans|"
            r"chez|salariée?|collaborat)|\bplus partie (?:de|des)\b|\b(?:à la|en) retraite\b"
        ),
    ),
    "es": (
        (
            r"\bya no (?:trabaj|forma|labor|está (?:en|con)|pertenece)|\bdej[óe] (?:de trabajar|la empresa)|"
            r"\bjubilad[oa]\b"
        ),
    ),
    "it": (r"\bnon (?:lavor[ao]|fa|fa parte|è|sono|opera) più\b|\bh[ao] lasciato\b|\bin pensione\b",),
    "pt": (
        (
            r"\b(?:não|já não) (?:trabalh|faz|está|pertence|integra)\w{0,10} mais\b|\bjá não (?:trabalh|faz|"
            r"integra|colabora)|\bdesligad[oa] da empresa|\bdeix(?:ou|ei) a empresa"
        ),
    ),
    "nl": (
        (
            r"\bniet (?:meer|langer) (?:\w{1,20} ){0,3}(?:werkzaam|in dienst|bij|actief)|"
            r"\bwerkt? (?:\w{1,20} ){0,3}niet (?:meer|langer)|\bmet pensioen\b"
        ),
    ),
    "pl": (
        (
            r"\bnie pracuj\w{1,4} już|\bjuż nie pracuj|\bnie jest już (?:prac|zatrud)|\bna emeryturze|"
            r"\bodesz[łe]\w{0,4} z\b"
        ),
    ),
    "sv": (r"\bslutat\b.{0,30}\b(?:företag|hos|på)|\b(?:arbetar|jobbar) inte (?:längre|kvar)|\bi pension\b",),
    "da": (r"\b(?:arbejder|er) ikke længere|\bfratrådt|\bforladt (?:virksomheden|firmaet)|\bstoppet hos",),
    "nb": (r"\b(?:jobber|arbeider|er) ikke lenger|\bsluttet (?:i|hos|på)|\bhar sluttet",),
    "fi": (r"\be[ni] (?:ole|työskentele) enää|\beläkkeellä",),
    "cs": (r"\b(?:již|už) ne(?:pracuj|jsem|ní)|\bv důchodu",),
    "hu": (r"\bmár nem dolgozo[mk]|\bnem dolgoz(?:ik|om) már|\bnyugdíj",),
    "tr": (r"\bart[ıi]k .{0,30}çal[ıi]şm[ıi]yor|\bayr[ıi]ld[ıi]|\bemekli",),
    "ro": (r"\bnu mai (?:lucrez|lucrează|fac parte|face parte)|\bam plecat din companie",),
    "ru": (r"(?:больше|уже) не (?:работа|явля)|уволил|покинул\w{0,3} компан|на пенсии",),
    "el": (r"\bδεν εργάζ",),
    "ja": (r"退職|退社いた|転職",),
    "zh": (r"离职|離職|不再任职|不再任職|已退休",),
    "ko": (r"퇴사|퇴직",),
}

UNREAD: Rows = {
    "en": (
        (
            r"\b(?:address|mailbox|account|inbox|e-?mail)\b.{0,40}\b(?:no longer|"
            r"not) (?:\w{1,12} )?(?:monitored|in use|used|"
            r"active|valid|checked|attended|read)\b|\bno longer (?:using|use|monitor|check|read) this\b"
        ),
        (
            r"\bmy (?:e-?mail|address) (?:address )?has changed|\b(?:my|our) new (?:e-?mail|address)|"
            r"\bnew e-?mail address\b"
        ),
    ),
    "de": (
        (
            r"\bnicht mehr (?:\w{1,20} ){0,4}(?:erreichbar unter|gültig|gelesen|verwendet|abgerufen|genutzt)|"
            r"\bneue (?:e-?mail-?)?adresse|\badresse .{0,20}\bgeändert"
        ),
    ),
    "fr": (
        (r"\bn'est plus (?:valide|utilisée?|active|consultée?|relevée?)|\bnouvelle adresse|\badresse .{0,20}a changé"),
    ),
    "es": (r"\bnueva dirección|\bdirección .{0,30}(?:ha cambiado|ya no)|\bnuevo correo\b",),
    "it": (r"\bnuovo indirizzo|\bindirizzo .{0,30}(?:non è più|è cambiato)",),
    "pt": (r"\bnovo (?:endereço|e-?mail)\b|\b(?:endereço|e-?mail) .{0,30}(?:mudou|já não|não é mais)",),
    "nl": (r"\bnieuwe? (?:e-?mail-?)?adres|\badres .{0,30}(?:gewijzigd|niet (?:meer|langer))",),
    "pl": (r"\bnowy adres|\badres .{0,30}(?:uległ zmianie|nieaktualny|nie jest już)",),
    "sv": (r"\bny (?:e-?post|mejl|mail)?-?adress",),
    "da": (r"\bny (?:e-?mail|mail|e-?post)?-?adresse",),
    "ru": (r"новый адрес|адрес .{0,20}изменился",),
    "ja": (r"(?:アドレス|メール).{0,12}変更",),
}

SLOW: Rows = {
    "en": (
        r"\bbehind (?:on|with|in) (?:my )?(?:e-?mails?|mail|inbox|correspondence|messages)|\bbehind on\b",
        (
            r"\bslow(?:er)? (?:than usual )?(?:to|in) (?:answer|reply|respond)|\b(?:large|"
            r"high) volume of (?:e-?mail|mail|"
            r"messages|requests|inquiries)|\bonly (?:check|read) (?:my )?(?:e-?mail|mail|messages)"
        ),
    ),
    "de": (r"\bhohe[ns]? (?:mail|e-?mail|anfrage)\w{0,10}aufkommen|\bkomme .{0,40}nicht .{0,20}\bdazu",),
    "fr": (r"\bgrand nombre (?:d'e-?mails|de messages|de demandes)|\bdélais? de réponse",),
    "es": (r"\bgran (?:volumen|cantidad) de (?:correos|mensajes|solicitudes)",),
}
