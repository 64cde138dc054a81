"""Words of notices that are none of absence: gone for good, an address nobody reads, or merely slow to answer.

A row is its hints, pieces of words of which every text it matches contains one, and a regular expression. Both are in
natural spelling and folded like the text they search (lower case, no accents), so they use no class in capitals. A
pattern reaches no further than 80 characters from its hint.
"""

# ruff: noqa: RUF001 - letters of many scripts look alike, and each of them is meant.
from __future__ import annotations

Rows = dict[str, tuple[tuple[tuple[str, ...], str], ...]]

LEFT: Rows = {
    "en": (
        (
            ("no longer",),
            (
                r"\bno longer (?:with (?!you)|at |works?\b|working|employed|part of|a member|in (?:this|"
                r"the) (?:role|position|"
                r"company)|here\b|available at this)"
            ),
        ),
        (
            ("left", "retired", "moved on"),
            (
                r"\b(?:has|have|'ve|i've) (?:now |since )?left\b(?! (?:for|early|on)\b)|\bleft (?:the )?(?:company|"
                r"organi[sz]ation|"
                r"firm|business|team)|\b(?:has|have|i am|is|i'm) (?:now )?retired\b|\bmoved on (?:from|to)"
            ),
        ),
    ),
    "de": (
        (
            ("nicht mehr", "nicht länger"),
            (
                r"\bnicht (?:mehr|länger) (?:\w{1,20} ){0,6}(?:tätig|beschäftigt|unternehmen|angestellt|"
                r"im hause|aktiv)|"
                r"\barbeitet? (?:\w{1,20} ){0,3}nicht (?:mehr|länger)"
            ),
        ),
        (
            ("ausgeschieden", "verlassen", "ruhestand", "rente"),
            r"\bausgeschieden|\b(?:unternehmen|firma) (?:\w{1,20} ){0,3}verlassen|\bim ruhestand|\bin rente\b",
        ),
    ),
    "fr": (
        (
            ("plus", "quitté", "retraite"),
            (
                r"\bne (?:fait|fais|travaille) plus\b|\ba quitté\b|\bj'ai quitté\b|\bn'est plus (?:en poste|dans|"
                r"chez|salariée?|"
                r"collaborat)|\bplus partie (?:de|des)\b|\b(?:à la|en) retraite\b"
            ),
        ),
    ),
    "es": (
        (
            ("ya no", "dej", "jubilad"),
            (
                r"\bya no (?:trabaj|forma|labor|está (?:en|con)|pertenece)|\bdej[óe] (?:de trabajar|la empresa)|"
                r"\bjubilad[oa]\b"
            ),
        ),
    ),
    "it": (
        (
            ("più", "lasciato", "pensione"),
            r"\bnon (?:lavor[ao]|fa|fa parte|è|sono|opera) più\b|\bh[ao] lasciato\b|\bin pensione\b",
        ),
    ),
    "pt": (
        (
            ("mais", "já não", "desligad", "deix"),
            (
                r"\b(?:não|já não) (?:trabalh|faz|está|pertence|integra)\w{0,10} mais\b|\bjá não (?:trabalh|faz|"
                r"integra|colabora)|"
                r"\bdesligad[oa] da empresa|\bdeix(?:ou|ei) a empresa"
            ),
        ),
    ),
    "nl": (
        (
            ("niet meer", "niet langer", "pensioen"),
            (
                r"\bniet (?:meer|langer) (?:\w{1,20} ){0,3}(?:werkzaam|in dienst|bij|actief)|"
                r"\bwerkt? (?:\w{1,20} ){0,3}niet (?:meer|"
                r"langer)|\bmet pensioen\b"
            ),
        ),
    ),
    "pl": (
        (
            ("już", "emerytur", "odesz"),
            (
                r"\bnie pracuj\w{1,4} już|\bjuż nie pracuj|\bnie jest już (?:prac|zatrud)|\bna emeryturze|"
                r"\bodesz[łe]\w{0,4} z\b"
            ),
        ),
    ),
    "sv": (
        (
            ("slutat", "inte", "pension"),
            r"\bslutat\b.{0,30}\b(?:företag|hos|på)|\b(?:arbetar|jobbar) inte (?:längre|kvar)|\bi pension\b",
        ),
    ),
    "da": (
        (
            ("ikke længere", "fratrådt", "forladt", "stoppet"),
            r"\b(?:arbejder|er) ikke længere|\bfratrådt|\bforladt (?:virksomheden|firmaet)|\bstoppet hos",
        ),
    ),
    "nb": ((("ikke lenger", "sluttet"), r"\b(?:jobber|arbeider|er) ikke lenger|\bsluttet (?:i|hos|på)|\bhar sluttet"),),
    "fi": ((("enää", "eläkkeellä"), r"\be[ni] (?:ole|työskentele) enää|\beläkkeellä"),),
    "cs": ((("již", "už", "důchodu"), r"\b(?:již|už) ne(?:pracuj|jsem|ní)|\bv důchodu"),),
    "hu": ((("már", "nyugdíj"), r"\bmár nem dolgozo[mk]|\bnem dolgoz(?:ik|om) már|\bnyugdíj"),),
    "tr": ((("çal", "ayr", "emekli"), r"\bart[ıi]k .{0,30}çal[ıi]şm[ıi]yor|\bayr[ıi]ld[ıi]|\bemekli"),),
    "ro": ((("nu mai", "plecat"), r"\bnu mai (?:lucrez|lucrează|fac parte|face parte)|\bam plecat din companie"),),
    "ru": (
        (
            ("не работа", "не явля", "уволил", "покинул", "пенсии"),
            r"(?:больше|уже) не (?:работа|явля)|уволил|покинул\w{0,3} компан|на пенсии",
        ),
    ),
    "el": ((("εργάζ",), r"\bδεν εργάζ"),),
    "ja": ((("退職", "退社", "転職"), r"退職|退社いた|転職"),),
    "zh": ((("职", "職", "退休"), r"离职|離職|不再任职|不再任職|已退休"),),
    "ko": ((("퇴",), r"퇴사|퇴직"),),
}

UNREAD: Rows = {
    "en": (
        (
            ("no longer", "not "),
            (
                r"\b(?:address|mailbox|account|inbox|e-?mail)\b.{0,40}\b(?:no longer|"
                r"not) (?:\w{1,12} )?(?:monitored|in use|used|"
                r"active|valid|checked|attended|read)\b|\bno longer (?:using|use|monitor|check|read) this\b"
            ),
        ),
        (
            ("changed", "new "),
            (
                r"\bmy (?:e-?mail|address) (?:address )?has changed|\b(?:my|our) new (?:e-?mail|address)|"
                r"\bnew e-?mail address\b"
            ),
        ),
    ),
    "de": (
        (
            ("nicht mehr", "adresse"),
            (
                r"\bnicht mehr (?:\w{1,20} ){0,4}(?:erreichbar unter|gültig|gelesen|verwendet|abgerufen|genutzt)|"
                r"\bneue (?:e-?mail-?)?adresse|\badresse .{0,20}\bgeändert"
            ),
        ),
    ),
    "fr": (
        (
            ("n'est plus", "adresse"),
            (
                r"\bn'est plus (?:valide|utilisée?|active|consultée?|relevée?)|\bnouvelle adresse|"
                r"\badresse .{0,20}a changé"
            ),
        ),
    ),
    "es": ((("dirección", "correo"), r"\bnueva dirección|\bdirección .{0,30}(?:ha cambiado|ya no)|\bnuevo correo\b"),),
    "it": ((("indirizzo",), r"\bnuovo indirizzo|\bindirizzo .{0,30}(?:non è più|è cambiato)"),),
    "pt": (
        (
            ("endereço", "mail"),
            r"\bnovo (?:endereço|e-?mail)\b|\b(?:endereço|e-?mail) .{0,30}(?:mudou|já não|não é mais)",
        ),
    ),
    "nl": ((("adres",), r"\bnieuwe? (?:e-?mail-?)?adres|\badres .{0,30}(?:gewijzigd|niet (?:meer|langer))"),),
    "pl": ((("adres",), r"\bnowy adres|\badres .{0,30}(?:uległ zmianie|nieaktualny|nie jest już)"),),
    "sv": ((("adress",), r"\bny (?:e-?post|mejl|mail)?-?adress"),),
    "da": ((("adresse",), r"\bny (?:e-?mail|mail|e-?post)?-?adresse"),),
    "ru": ((("адрес",), r"новый адрес|адрес .{0,20}изменился"),),
    "ja": ((("変更",), r"(?:アドレス|メール).{0,12}変更"),),
}

SLOW: Rows = {
    "en": (
        (
            ("behind",),
            r"\bbehind (?:on|with|in) (?:my )?(?:e-?mails?|mail|inbox|correspondence|messages)|\bbehind on\b",
        ),
        (
            ("slow", "volume", "only"),
            (
                r"\bslow(?:er)? (?:than usual )?(?:to|in) (?:answer|reply|respond)|\b(?:large|"
                r"high) volume of (?:e-?mail|mail|"
                r"messages|requests|inquiries)|\bonly (?:check|read) (?:my )?(?:e-?mail|mail|messages)"
            ),
        ),
    ),
    "de": (
        (
            ("aufkommen", "dazu"),
            r"\bhohe[ns]? (?:mail|e-?mail|anfrage)\w{0,10}aufkommen|\bkomme .{0,40}nicht .{0,20}\bdazu",
        ),
    ),
    "fr": ((("grand nombre", "délai"), r"\bgrand nombre (?:d'e-?mails|de messages|de demandes)|\bdélais? de réponse"),),
    "es": ((("gran ",), r"\bgran (?:volumen|cantidad) de (?:correos|mensajes|solicitudes)"),),
}
