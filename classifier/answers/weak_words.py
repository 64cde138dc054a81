"""Sentences that decide only together with another sign, and what tells a person from a machine.

The tables hold regular expressions in natural spelling; they are folded like the text they search (lower case, no
accents), so they use no class in capitals.
"""

from __future__ import annotations

from classifier.phrases import Rows

THANKS: Rows = {
    "en": (
        (
            r"\bthank(?:s| you) for (?:contacting|reaching out|getting in touch|writing|your (?:message|"
            r"e-?mail|mail|inquiry|enquiry|request|patience))\b[^?]{0,200}\b(?:we will|we'll|our team will (?!be )|"
            r"will be (?:read|answered|processed))"
        ),
    ),
    "de": (
        (
            r"\b(?:danke|dank) für ihre (?:nachricht|e-?mail|mail|"
            r"anfrage)\b[^?]{0,200}\b(?:wir (?:melden|werden|bearbeiten|kümmern)|werden wir|wird bearbeitet)"
        ),
    ),
    "fr": (
        (
            r"\bmerci (?:de|pour) votre (?:message|e-?mail|mail|demande)\b[^?]{0,200}\bnous (?:vous|le|"
            r"la|y|revien|trait|répond)"
        ),
    ),
    "es": ((r"\bgracias por (?:su (?:mensaje|correo|consulta)|contactar)\b[^?]{0,200}\b(?:le|nos|nuestro equipo)\b"),),
    "it": (
        (
            r"\bgrazie per (?:il (?:suo|vostro) messaggio|averci (?:contattato|scritto)|la (?:sua|"
            r"vostra))\b[^?]{0,200}\b(?:risponderemo|contatteremo|vi|le)\b"
        ),
    ),
    "pt": (
        (
            r"\bobrigad[oa] (?:pela sua mensagem|pelo seu (?:contacto|contato|e-?mail)|"
            r"por (?:contactar|entrar))\b[^?]{0,200}\b(?:responderemos|entraremos|retornaremos)\b"
        ),
    ),
    "nl": (r"\bbedankt voor (?:uw|het)\b[^?]{0,200}\b(?:wij|we) (?:nemen|zullen|reageren|beantwoorden)",),
    "pl": ((r"\bdziękujemy za (?:wiadomość|kontakt|przesłanie|zgłoszenie)\b[^?]{0,200}\b(?:odpowiemy|skontaktujemy)"),),
}
"""Sentences that people write as well: they decide beside a weak sign."""

RECEIVED: Rows = {
    "en": (
        (
            r"\breceived your (?:message|e-?mail|mail|request|inquiry|enquiry)|\byour (?:message|e-?mail|mail|"
            r"request|inquiry|enquiry) (?:has been|was|is) received"
        ),
    ),
}
"""What people say as well: it decides only where the sender cannot be answered, or the subject says so too."""

NOTICES: Rows = {
    "en": (
        (
            r"\burgent\b[^?]{0,100}\b(?:contact|call|write|reach|e-?mail|phone|resend|matter)|\bif (?:it|"
            r"this|your \w+) is (?:very )?urgent"
        ),
        r"\bin (?:an |case of (?:an )?)?emergenc",
        r"\bimmediate (?:\w+ )?(?:assistance|attention|help|need|response)",
        (r"\b(?:limited|no|intermittent|little|without|sporadic) (?:\w+ )?access to (?:my |the )?(?:e-?mails?|mail)"),
        (
            r"\b(?:will|shall|'ll) (?:\w+ )?(?:reply|respond|answer|read|get back|"
            r"be read)\b[^?.]{0,60}\b(?:return|back)\b|"
            r"\bwill not return until\b|\b(?:reply|respond)\w* .{0,40}\bon my return"
        ),
        r"\bbe read (?:\w+ )?when i(?:'m| am) back",
        r"\b(?:not be|not|n't be) (?:automatically )?forwarded\b",
        (
            r"\bplease direct (?:any|all|your) (?:\w{1,12} ){0,2}(?:queries|enquiries|inquiries|questions|"
            r"requests|e-?mails?|messages?) to"
        ),
        r"\bcontact my colleague|\bmy colleague\b.{0,60}\bwill (?:help|assist)",
        r"\bin my absence\b",
    ),
    "de": (
        r"\bnicht (?:automatisch )?weitergeleitet",
        r"\b(?:in|bei) (?:sehr )?dringende?n? (?:fällen|angelegenheiten|fragen|anliegen)",
        r"\b(?:meine? vertretung|vertretungsweise|vertritt mich|vertreten von)",
        r"\bnur eingeschränkt",
        r"\bnach meiner rückkehr",
    ),
    "fr": (
        r"\ben cas d'urgence|\bpour toute urgence|\bdemandes? urgentes?|\bsi urgent",
        r"\b(?:à|dès|lors de) mon retour",
        r"\bne (?:sera|seront) pas transf",
    ),
    "es": (
        r"\b(?:en caso de|para) (?:urgencia|asuntos? urgente|cualquier (?:asunto )?urgen|temas? urgente)",
        r"\b(?:respond|contest|atend)\w*\b[^?.]{0,40}\bregreso",
        r"\b(?:respond|contest|atend)\w*\b[^?.]{0,40}\bvuelta",
    ),
    "it": (
        r"\b(?:per|in caso di) (?:\w+ )?urgenz[ae]|\bcomunicazioni urgenti|\bquestioni urgenti",
        r"\b(?:rispond|legger)\w*\b[^?.]{0,40}\brientro",
        r"\b(?:rispond|legger)\w*\b[^?.]{0,40}\britorno",
    ),
    "pt": (
        r"\b(?:em caso de|para) (?:\w+ )?urg[êe]n",
        r"\brespond\w*\b[^?.]{0,40}\bregresso",
        r"\brespond\w*\b[^?.]{0,40}\bretorno",
    ),
    "nl": (
        r"\bniet (?:automatisch )?doorgestuurd",
        r"\b(?:voor|bij|in) dringende",
        r"\b(?:bij|in geval van|voor) spoed",
        r"\b(?:na|bij) (?:mijn )?terugkomst",
    ),
    "pl": (
        r"\b(?:w|przypadku) (?:sprawach )?piln",
        r"\b(?:odpowiem|odpiszę)\b[^?.]{0,40}\bpo powrocie|\bpo powrocie (?:odpowiem|odpiszę)",
    ),
    "sv": (r"\b(?:vid|för|i) brådskande", r"\bakuta ärenden"),
    "da": (r"\b(?:haster det|i hastetilfælde|hastesager)",),
    "nb": (r"\bhaster det|\bved hast",),
}
"""What a notice says beside the absence; a mail with both, and no word of an answer, was written by a machine."""

ANSWERING: dict[str, str] = {
    "any": r"\?",
    "en": r"\b(?:yes|yeah|gladly|sounds|interest(?:ed|ing)|call me|let's|let us|send me|tell (?:me|us)|please send|"
    r"no thanks|not interested|happy to|glad to|we could|i took over|pricing|prices?|quote|demo|somebody else)\b|"
    r"\bsure[,.!]",
    "de": r"\b(?:gern|gerne|interesse|angebot|schicken sie|rufen sie|passt|preise?)\b|\bja,",
    "fr": r"\b(?:volontiers|intéress\w{1,10}|devis|appelez|envoyez)\b|\boui,",
    "es": r"\b(?:claro|interesa\w{0,6}|precios?|llámeme|envíe|oferta)\b|\bsí,",
    "it": r"\b(?:certo|volentieri|prezz[oi]|offerta|mandi)\b",
    "pt": r"\b(?:preços?|proposta|envie|orçamento)\b|\bsim,",
    "nl": r"\b(?:graag|offerte|prijs)\b",
    "pl": r"\b(?:chętnie|ofert[aęy]|cen[aęy])\b|\btak,",
}
"""Words of somebody who answers what we wrote; no absence notice holds them."""

PERSONAL: dict[str, str] = {
    "en": r"\bi (?:will|am|have|would|can|could|think|need|know|don't|was|want|guess|hope|like|love|just|do|had|got)\b|"
    r"\bi'(?:m|ll|ve|d)\b|\blet's\b|\bcall me\b|\bsend us\b|\btell us\b|\bwould (?:love|like)\b|\binternally\b|"
    r"\bdiscuss\b|"
    r"\b(?:are|is) (?:very )?interested\b|\b(?:could|can|would) you\b",
    "de": r"\b(?:ich|mich|mir)\b|\bhätten (?:gern|interesse)|\bsind interessiert",
    "fr": r"\bje (?:suis|vous|ne|peux|vais|pense|reviens|le|la|l'|m')|\bj'|\bmoi\b|\bsommes intéressés",
    "es": r"\byo\b|\bme (?:interesa|gustaría)|\bestamos interesad|\bllámeme\b",
    "it": r"\bsono interessat|\bsiamo interessat|\bmi (?:interessa|piacerebbe|mandi|chiami)",
    "pt": r"\beu\b|\bestamos interessad|\bgostaria|\bgostaríamos",
    "nl": r"\bik\b|\bwij zijn geïnteresseerd|\bwillen graag",
    "pl": r"\bjestem\b|\bjesteśmy zainteresowan|\bchciał",
}
"""Words of a person; a receipt speaks of "us" and promises an answer."""
