"""The sentences of programs, language by language.

The tables hold regular expressions in natural spelling; they are folded like the text they search (lower case, no
accents), so they use no class in capitals.
"""

from __future__ import annotations

from classifier.phrases import Rows

_MAIL = r"(?:request|message|e-?mail|mail|inquiry|enquiry|ticket|question|query|submission|case)"
_SOON = (
    r"\b(?:within (?:\d|one|two|a|the next)|as soon as|shortly|in due course|in the order|(?:business|"
    r"working) (?:day|hour)|"
    r"our (?:\w+ )?team (?:will|is)|support (?:team|staff|agent|cent)|a member of|representative|(?:an|our) agent|"
    r"someone (?:from|on|in|will)|being (?:reviewed|processed)|(?:24|48)[ -]?h|opened (?:a )?(?:case|ticket))"
)
_REPLY = r"\b(?:get back|in touch|reply|respond|answer|contact|review|follow|reach|assist|attend|look)\b"
TEMPLATES: Rows = {
    "en": (
        (
            r"\bthis (?:\w+ ){0,2}(?:is|was) (?:just |only |simply )?(?:an? )?(?:automat(?:ic|ed)|automatically) "
            r"(?:\w+ ){0,2}(?:reply|response|message|e-?mail|answer|notification|acknowledge?ment|confirmation|"
            r"notice|generated|sent|mailbox)|\bthis (?:\w+ )?(?:e-?mail|message|reply|response|notice) (?:was|"
            r"has been|is) (?:being )?(?:automatically|generated automatically|sent automatically)\b(?! (?:scanned|"
            r"checked|signed))|\bthis automated (?:response|reply|message|e-?mail) (?:is|confirms|was)|"
            r"\bautomat(?:ic|ed) (?:reply|response) (?:to|generated|confirming)\b|\bgenerated automatically by the\b|"
            r"\bthis,? an automated (?:mailbox|message|reply)"
        ),
        r"\b(?:auto|system|computer)[ -]generated (?:e-?mail|message|reply|response|notification)",
        (
            r"\b(?:mailbox|inbox|address|account|e-?mail)\b[^.?!]{0,40}(?:\bnot|\bno longer|n't) (?:being |actively |"
            r"regularly )?monitored|\bunmonitored (?:\w+ )?(?:mailbox|inbox|address|account|e-?mail)"
        ),
        (
            r"\bthis (?:e-?mail |mail )?(?:address|mailbox|account|inbox|"
            r"e-?mail)\b[^.?!]{0,30}\bno longer (?:in use|used|active|valid|checked|attended|read|available|exists?)\b"
        ),
        (
            r"\b(?:case|incident|request|issue|support request|inquiry|"
            r"enquiry)\b[^.?!]{0,30}\bhas been (?:successfully |automatically )?"
            r"(?:created|opened|assigned|logged|registered|submitted|raised)\b"
        ),
        r"\byour (?:assigned )?case (?:number|id|reference)(?: is|:)? ?[#\[]?\w*\d",
        (
            r"\breply to this (?:message|e-?mail)\b[^?]{0,60}\b(?:to (?:confirm|complete|verify)|"
            r"within \d{1,3} (?:hours|days))"
        ),
        r"\b(?:verify|prove) (?:that )?you(?: are|'re) (?:a )?(?:human|person|real|not a robot)",
        r"\bconfirm (?:that )?you(?: are|'re) (?:a )?(?:human|person|real|not a robot)",
        (r"\byour (?:message|e-?mail)\b[^?!]{0,60}\bwaiting for (?:your |an? )?(?:approval|confirmation)"),
        (r"\bunattended (?:\w{1,12} )?(?:mailbox|inbox|address|account)|\b(?:mailbox|inbox|address) is unattended"),
        (
            r"^[^a-z0-9]{0,5}auto(?:matic |mated |-)?(?:reply|response)\b\s?[:-]|"
            r"\bthis (?:\w{1,12} )?is an auto-?(?:response|reply)\b"
        ),
        r"\bchallenge[ -]response\b|\bthis challenge\b",
    ),
    "de": (
        (
            r"\bdie?se?s? (?:ist|e-?mail|nachricht|mail|antwort|schreiben)\b[^.?!]{0,40}\bautomati(?:sch\w{0,2}|"
            r"siert\w{0,2})\b[^.?!]{0,25}"
            r"(?:antwort|nachricht|e-?mail|mail|generiert|erstellt|erzeugt|versand|verschickt|benachrichtigung)|"
            r"\bautomatisch (?:generierte|erstellte|erzeugte|versandte) (?:e-?mail|nachricht|antwort|mail)"
        ),
        (
            r"\bantworten sie (?:bitte )?nicht (?:auf|direkt)|\bnicht auf diese (?:e-?mail|nachricht|"
            r"mail) (?:zu )?antworten"
        ),
        r"\bpostfach\b[^.?!]{0,40}\bnicht (?:mehr )?(?:\w+ )?(?:gelesen|überwacht|abgerufen|betreut)",
        (
            r"\b(?:mail)?-?adresse\b[^.?!]{0,40}\bnicht mehr (?:\w+ )?(?:gelesen|gültig|verwendet|abgerufen|"
            r"aktiv|genutzt)"
        ),
        (
            r"\bticket-?(?:nummer|nr\.?|id)(?: (?:lautet|ist))?:? ?[#\[]?\w*\d|"
            r"\bticket\b[^.?!]{0,40}\b(?:angelegt|eröffnet|erstellt)"
        ),
        r"\bvorgangs(?:nummer|nr)",
    ),
    "fr": (
        (
            r"\b(?:ceci|cet? e-?mail|ce message|ce courriel|il s'agit)\b[^.?!]{0,30}\b(?:message|réponse|"
            r"e-?mail|courriel)? ?"
            r"(?:d'un message |d'une réponse )?automati(?:que|sée?)|\b(?:généré|envoyé)e? automatiquement"
        ),
        r"\bne (?:pas |veuillez pas )(?:y )?répondre (?:à|directement)|\bmerci de ne pas (?:y )?répondre",
        r"\bticket\b[^.?!]{0,40}\b(?:a été|créé|ouvert)",
        r"\badresse\b[^.?!]{0,30}\bn'est (?:plus|pas) (?:consultée|relevée|valide|utilisée|active|surveillée)",
        r"\bboîte\b[^.?!]{0,40}\bn'est (?:plus|pas) (?:consultée|relevée|surveillée)",
    ),
    "es": (
        (
            r"\best[ea] (?:es|correo|mensaje)\b[^.?!]{0,30}\b(?:mensaje|respuesta|"
            r"correo)?[^.?!]{0,10}\b(?:automátic|generado automática)"
        ),
        r"\b(?:no responda|no respondas|no responder) (?:a |directamente )",
        r"\b(?:su|tu) solicitud\b[^.?!]{0,30}\b(?:ha sido|fue) (?:recibida|registrada|creada)",
        r"\bbuzón\b[^.?!]{0,40}\bno (?:se (?:revisa|supervisa|lee)|está)",
        r"\bdirección\b[^.?!]{0,40}\bya no (?:está|se|es)",
    ),
    "it": (
        r"\bquest[oa] (?:è|e-?mail|messaggio)\b[^.?!]{0,30}\b(?:automatic[oa]|automaticamente)",
        r"\b(?:di )?non rispondere\b(?: a quest)?",
        r"\b(?:sua|vostra|tua) richiesta\b[^.?!]{0,30}\bè stata (?:ricevuta|registrata|presa in carico|inoltrata)",
        r"\bcasella\b[^.?!]{0,40}\bnon (?:è|viene) (?:più )?(?:monitorata|letta|presidiata|controllata|attiva)",
        r"\bindirizzo\b[^.?!]{0,30}\bnon è più (?:attivo|valido|in uso|utilizzato)",
    ),
    "pt": (
        r"\b(?:est[ae]|esse|essa) (?:é|e-?mail|mensagem)\b[^.?!]{0,30}\bautomátic",
        r"\bnão respond(?:a|er) (?:a |diretamente )",
        r"\bsua solicitação\b[^.?!]{0,30}\bfoi (?:recebida|registrada|criada)",
        r"\bseu pedido\b[^.?!]{0,30}\bfoi (?:recebido|registado|registrado)",
        r"\bcaixa\b[^.?!]{0,40}\bnão (?:é|está) (?:mais )?(?:monitorada|monitorizada|lida)",
    ),
    "nl": (
        (
            r"\b(?:dit|deze) (?:is|e-?mail|bericht)\b[^.?!]{0,30}\bautomatisch\b[^.?!]{0,25}(?:bericht|e-?mail|"
            r"antwoord|gegenereerd|verzonden|verstuurd)"
        ),
        r"\bniet op (?:deze|dit) (?:e-?mail|bericht|mail) (?:te )?(?:reageren|antwoorden|beantwoorden)",
        r"\b(?:reageer|antwoord) (?:a\.?u\.?b\.? |alstublieft )?niet op (?:deze|dit)",
        r"\bticket\b[^.?!]{0,40}\b(?:aangemaakt|geopend|geregistreerd)",
        r"\bmailbox\b[^.?!]{0,40}\bniet (?:meer )?(?:gelezen|gecontroleerd|gemonitord|bekeken)",
        r"\badres\b[^.?!]{0,30}\bniet (?:meer|langer) (?:\w+ )?(?:gebruik|gelezen|actief|geldig)",
    ),
    "pl": (
        r"\b(?:wiadomość|e-?mail|to)\b[^.?!]{0,40}\bautomatyczn\w{1,4}\b|\bautomatycznie wygenerowan",
        r"\b(?:prosimy|proszę|prosze) (?:na (?:nią|tę wiadomość|ten e-?mail) )?nie odpowiadać",
        r"\bzgłoszenie\b[^.?!]{0,40}\b(?:zostało|otrzymało) (?:\w+ )?(?:przyjęte|zarejestrowane|utworzone|numer)",
        r"\bskrzynk[ai]\b[^.?!]{0,30}\bnie (?:jest|są) (?:już )?(?:monitorowan|czytan|obsługiwan)",
    ),
}
"""Sentences that only machines write: one decides, in a mail without any telling header field."""

RECEIPTS: Rows = {
    "en": (
        (
            rf"\byour (?:\w+ ){{0,2}}{_MAIL} (?:[(#][^\s)]{{1,30}}\)? )?"
            rf"(?:(?:for|about|regarding|concerning|to) [^?!]{{1,40}} )?(?:has been|was) (?:successfully |safely )?"
            rf"received\b(?! with)[^?]{{0,160}}{_SOON}"
        ),
        rf"\bwe(?:'ve| have)? (?:successfully )?received your (?:\w+ ){{0,2}}{_MAIL}\b[^?]{{0,160}}{_SOON}",
        (
            r"\bwe(?:'ve)? got your (?:request|message|e-?mail|ticket)\b[^?]{0,60}\b(?:we're on it|view request|"
            r"as soon)"
        ),
        r"\byour (?:e-?mail|message|mail) (?:has )?reached (?:my|our) (?:mail ?box|inbox|support)",
        (
            r"\bthank(?:s| you) for (?:contacting|reaching out|getting in touch|writing|e-?mailing|"
            r"your (?:message|e-?mail|"
            rf"inquiry|enquiry|request|interest))\b[^?]{{0,240}}\b(?:we|we'll|team|us|representative|agents?|"
            rf"someone)\b[^.?]{{0,40}}"
            rf"{_REPLY}[^?]{{0,80}}\b(?:within|as soon as|shortly|business day|working day)"
        ),
        (
            r"\b(?:do not|don't|please do not|cannot) (?:reply|respond) (?:directly )?to this (?:automated |"
            r"automatic )?(?:e-?mail|message|mail|notification)\b(?! (?:address|but))"
        ),
        (
            r"\b(?:your|a|new|support|the|following) ticket\b[^.?!]{0,40}\bhas been (?:successfully |"
            r"automatically )?(?:created|"
            r"opened|assigned|logged|registered|received|generated)|\byour ticket (?:was|(?:id|number|no\.?|"
            r"reference)(?: is|:)? ?[#\[]?\w*\d)|\bwith ticket id\b|\bassigned (?:the )?ticket (?:number|id|#)"
        ),
    ),
    "de": (
        (
            r"\bdank für (?:ihre|deine) (?:anfrage|nachricht|e-?mail|mail)\b[^?]{0,160}\b(?:innerhalb|"
            r"so (?:schnell|bald) wie möglich|schnellstmöglich|in kürze|werktag|stunden)"
        ),
        (
            r"\b(?:haben )?(?:wir )?(?:haben )?ihre (?:\w+ )?(?:anfrage|nachricht|e-?mail|mail|"
            r"mitteilung)\b[^.?!]{0,30}\berhalten\b"
            r"[^?]{0,120}\b(?:wir |werden |melden|schnellstmöglich|innerhalb|so (?:schnell|bald)|umgehend|"
            r"in kürze|stunden|werktag)"
        ),
        (
            r"\bihre (?:\w+ )?(?:anfrage|nachricht|e-?mail|"
            r"mail)\b[^.?!]{0,30}\beingegangen\b[^?]{0,120}\b(?:bearbeit|schnellst|"
            r"innerhalb|so (?:schnell|bald)|umgehend|in kürze|stunden|werktag)"
        ),
    ),
    "fr": (
        (
            r"\b(?:nous )?avons bien reçu votre (?:\w+ )?(?:demande|message|e-?mail|mail|"
            r"courriel)\b[^?]{0,160}\b(?:plus brefs|répond|trait|reviendr|recontact|sous \d|dans les|délai|heures)"
        ),
        (
            r"\bmerci (?:de|pour) votre (?:message|e-?mail|mail|demande)\b[^?.]{0,40}\bnous (?:le|la|"
            r"y) (?:traitons|traiterons|répond)"
        ),
        r"\bvotre demande\b[^.?!]{0,40}\b(?:a bien été|a été) (?:reçue|enregistrée|prise en compte|transmise)",
    ),
    "es": (
        (
            r"\b(?:su|tu) (?:solicitud|consulta|petición|mensaje|correo|caso|"
            r"incidencia)\b[^.?!]{0,30}\bha sido (?:recibid|registrad|cread|asignad)"
        ),
        (
            r"\bhemos recibido (?:su|tu) (?:\w+ )?(?:mensaje|correo|solicitud|consulta|petición|"
            r"e-?mail)\b[^?]{0,160}\b(?:respond|contact|plazo|lo antes|brevedad|horas|en breve)"
        ),
    ),
    "it": (
        (
            r"\babbiamo ricevuto (?:la (?:sua|vostra|tua)|il (?:suo|vostro|tuo)) (?:\w+ )?(?:richiesta|"
            r"messaggio|e-?mail|mail)\b[^?]{0,160}\b(?:rispond|contatt|prima possibile|entro|più presto|breve)"
        ),
    ),
    "pt": (
        (
            r"\brecebemos (?:a |o )?(?:sua|seu|vossa|vosso|tua) (?:\w+ )?(?:mensagem|e-?mail|pedido|solicitação|"
            r"contato|contacto)\b[^?]{0,160}\b(?:respond|retorn|breve|prazo|horas|contact|contat)"
        ),
    ),
    "nl": (
        (
            r"\b(?:hebben|is)? ?(?:uw|je|jouw) (?:\w+ )?(?:bericht|e-?mail|mail|aanvraag|vraag|"
            r"verzoek)\b[^.?!]{0,30}\bontvangen\b[^?]{0,140}"
            r"\b(?:binnen|zo spoedig|zo snel|contact met u|nemen|reageren|in behandeling|werkdag)"
        ),
    ),
    "pl": (
        (
            r"\botrzymaliśmy (?:twoją|państwa|pana|pani|twoje|twój) (?:\w+ )?(?:wiadomość|zgłoszenie|e-?mail|"
            r"zapytanie|prośbę)\b[^?]{0,140}\b(?:odpowi|skontakt|w ciągu|jak najszybciej|wkrótce)"
        ),
    ),
}
"""What machines confirm: it decides too, but not in a mail that speaks like a person."""
