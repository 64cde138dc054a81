"""The words people ask with to get no more mail, in eight languages: few, and clear.

All patterns see folded text: lower case, no accents, straight quotation marks.
"""

from __future__ import annotations

_MAILS = (
    r"(?:e-?mails?|mails?|messages?|correspondence|communications?|newsletters?|marketing|spam|offers?|solicitations?|"
    r"advertis(?:ing|ements?))"
)
UNSUBSCRIBE = r"un[ -]?s[eu]?b?s?c?ri?[bpv]l?e?(?:d|s|ing)?"
"""The word as people spell it."""
_LIST = r"(?:lists?|mailings?|mailing ?lists?|distribution)"
_ENGLISH = (
    rf"\b{UNSUBSCRIBE} (?:(?:me|us|my|immediately|please|now|asap|at once)\b|from (?:all|your|any|these) )",
    rf"\b(?:please|pls|plz|kindly) {UNSUBSCRIBE}\b(?! (?:this|that|the|him|her|them|your))",
    (
        rf"\b(?:want|wish|like|request|(?<!you )need|asking|asked|must) (?:you )?(?:to )?"
        rf"(?:{UNSUBSCRIBE}|opt[ -]?out)\b(?! your)"
    ),
    (
        r"\b(?:want|wish|like|request|need|ask|asking|asked|please) (?:\w+ )?"
        r"to be (?:unsubscribed|removed|taken off|deleted)\b"
    ),
    (
        rf"\bhow (?:the \w+ )?(?:do|does|can|could|to|would|should) ?(?:i|we|one|you)? ?"
        rf"(?:{UNSUBSCRIBE}|opt out|get (?:myself )?off)\b"
    ),
    (
        r"\b(?:get|take|put|help|pull|sign|want|need|out) (?:me |us |myself |to get )?(?:off|out)(?: of)? "
        rf"(?:this|the|your|ur|that|these|all) (?:\w+ ){{0,2}}{_LIST}\b"
    ),
    r"\bhave (?:my|our) (?:name|address|e-?mail)\w*[^.!?\n]{0,20} (?:removed|deleted|taken off)\b",
    r"\bopt (?:me|us) out\b|\b(?:i|we)(?:'d like to| want to| wish to| am|'m| are|'re)? opt(?:ing)?[ -]out\b",
    (
        r"\b(?:remove|take|drop|delete|strike|cross|get|scratch|pull) (?:me|us|my (?:e-?mail|name|address|contact|"
        r"details|company|information|info)\b[^.!?\n]{0,30}|this (?:e-?mail|address)\b[^.!?\n]{0,30}|our (?:e-?mail|"
        r"name|company|address|details)\b[^.!?\n]{0,30})"
        r" ?(?:off|from|out of) (?:of )?(?:all |any |your |the |this |that |these |future |every |"
        r"ur )?[^.!?\n]{0,30}\b(?:lists?|mailings?|database|distribution|e-?mails?|records?|system|crm|campaigns?|"
        r"sequence|outreach|contacts?|newsletter|file)\b"
    ),
    (
        r"\b(?:please|pls|plz|kindly|just|immediately|and|now|,|or) (?:remove|delete|take off) (?:me|us)(?: (?:please|"
        r"immediately|now|asap|at once|today|from (?:this|it|there)|thanks?|thank you))?(?=\s*(?:[.!,;\n]|$))"
    ),
    (
        r"(?:^|[.!?\n] ?)(?:remove|delete) (?:me|us)(?: (?:please|immediately|now|asap|at once|today|thanks?|"
        r"thank you|from (?:this|it)))?(?=\s*(?:[.!,;\n]|$))"
    ),
    r"\btake (?:me|us) off (?:your|this|ur|of|that)\b",
    (
        r"\b(?:stop|quit|cease) (?:e-?mailing|mailing|contacting|writing|messaging|spamming|bothering|harassing|"
        r"pestering|soliciting|texting|reaching out(?: to (?:me|us))?\b|all (?:communication|contact|further)|"
        r"contact(?:ing)? me|with (?:the|these|this|your) (?:\w+ )?" + _MAILS + r"|" + _MAILS + r"\b)"
        r"(?! to (?:that|the|a|an|his|her|their|your|those|any)\b)"
    ),
    r"\b(?:stop|quit|cease) sending (?:me |us )?"
    r"(?:any |more |these |this |your |the |such |all )?(?:\w+ )?" + _MAILS,
    (
        r"\b(?:stop|quit|cease) sending (?:me |us |to )?(?:(?:this|these|your)? ?"
        r"(?:stuff|things?|crap|junk|shit)|anything|this|to this|(?:me|us)(?=\s*(?:[.!,\n]|$)))"
    ),
    (
        r"\b(?:do not|don't|dont|never|please not|must not|not to) (?:ever )?(?:e-?mail|contact|write(?: to)?|message|"
        r"bother|solicit|spam|text|reach out to|mail) (?:me|us|this (?:address|e-?mail)|my)\b(?! (?:before|until|till|"
        r"on |by phone|at (?:my|this|the)|with|about (?:this )?(?:before|until)|this (?:week|month)|next|during|"
        r"for (?:the )?(?:next|a)|if|unless|via|when|while))"
    ),
    r"\b(?:do not|don't|dont|never) (?:ever )?(?:contact|e-?mail|write|message|mail) again\b",
    r"\b(?:do not|don't|dont|never) (?:ever )?send (?:me |us )?"
    r"(?:any ?(?:more|thing|further)?|more|further|these|this|your|such) ?(?:\w+ )?(?:"
    + _MAILS
    + r"|again|anymore|ever)\b",
    (
        r"\b(?:do not|don't|dont|never) send (?:me |us )?(?:marketing|advertising|advertisements?|ads|promotions?|"
        r"solicitations?|spam|newsletters?|commercial)\b"
    ),
    r"\b(?:no more|no further|not? any more|no additional) (?:\w+ )?(?:"
    + _MAILS
    + r"|contact)\b(?! (?:until|before|than|this week|today|by|on my))",
    r"\b(?:don't|do not|no longer|not|never) (?:want|wish|like|care) to (?:receive|get|hear|"
    r"be (?:contacted|e-?mailed|on))\b[^.!?\n]{0,40}\b(?:"
    + _MAILS
    + r"|anymore|any more|again|from you|list|contacted|e-?mailed)\b",
    r"\b(?:no longer|don't|do not) want (?:to be on|these|your|any|any more|anymore) ?(?:\w+ )?(?:list|"
    + _MAILS
    + r")\b",
    r"\bcease and desist\b|\bleave (?:me|us) alone\b|\blose my (?:e-?mail|number|address|contact)",
    (
        r"\b(?:delete|erase|remove|purge) (?:all )?(?:of )?(?:my|our|any) (?:personal |contact )?(?:data|information|"
        r"details|info|records?)\b|\bright to (?:erasure|be forgotten)\b"
    ),
)
_GERMAN = (
    (
        r"\b(?:bitte|hiermit|mich|uns)\b[^.!?\n]{0,40}\b(?:abmelden|austragen|abbestellen|abzumelden|auszutragen)\b|"
        r"\b(?:abmelden|austragen|abbestellen) bitte\b|\bmelden sie (?:mich|uns)\b[^.!?\n]{0,30}\bab\b|"
        r"\bmeldet? (?:mich|uns)\b[^.!?\n]{0,30}\bab\b"
    ),
    (
        r"\b(?:nehmen|streichen|entfernen|loschen|tragen|loscht|nehmt|streicht|entfernt|tragt|nimm|losch|streich|"
        r"entfern|trag)e? (?:sie )?(?:bitte )?(?:mich|uns|meine (?:e-?mail|mail|adresse|daten|"
        r"kontakt)\w*[^.!?\n]{0,30}|unsere (?:e-?mail|adresse|daten|firma)\w*[^.!?\n]{0,30}|"
        r"diese (?:e-?mail-?)?adresse)\b[^.!?\n]{0,50}\b(?:aus|ab|heraus|raus|von|verteiler|liste|datenbank|umgehend|"
        r"sofort|unverzuglich)\b"
    ),
    (
        r"\b(?:losch(?:en|t|e)?|entfern(?:en|t|e)?|streich(?:en|t|e)?) (?:sie )?(?:bitte )?(?:umgehend |sofort |"
        r"alle )?(?:mich|meine|unsere|alle meine) (?:personenbezogenen )?(?:daten|e-?mail|e-?mail-?adresse|"
        r"mailadresse|adresse|kontaktdaten)\b"
    ),
    (
        r"\b(?:aus|von) (?:ihrem|eurem|dem|ihrer|eurer|der|deinem|deiner|allen)\b[^.!?\n]{0,25}(?:verteiler|liste|"
        r"datenbank|mailingliste|newsletter)\w*[^.!?\n]{0,30}\b(?:nehmen|streichen|entfernen|loschen|austragen|"
        r"genommen|gestrichen|entfernt|geloscht)\b"
    ),
    (
        r"\bkeine (?:weiteren |weitere |solchen? |derartigen )?(?:e-?mails?|mails?|nachrichten|werbung|werbemails|"
        r"anschreiben|zusendungen|angebote|newsletter|kontaktaufnahme\w*|kontaktversuche|"
        r"anfragen)\b(?: von ihnen)?(?: (?:mehr|zusenden|zuschicken|schicken|senden|erhalten|bekommen|wunsch\w*))+"
    ),
    (
        r"\bkeine weiteren (?:e-?mails?|mails?|nachrichten|zusendungen|kontaktaufnahmen?|anschreiben|werbemails|"
        r"kontaktversuche)\b"
    ),
    (
        r"\b(?:kontaktier\w*|schreib\w*|mail\w*|belastig\w*|kontaktiere\w*|anschreib\w*|"
        r"kontaktierung)\b (?:sie )?(?:mich|uns|mir) (?:bitte )?(?:nicht|nie) (?:mehr|wieder|weiter\w*)\b|\b(?:mich|"
        r"uns|mir) (?:bitte )?(?:nicht|nie) (?:mehr|wieder|weiter) (?:zu )?(?:kontaktieren|anschreiben|anzuschreiben|"
        r"schreiben|mailen|belastigen)\b"
    ),
    (
        r"\bhor(?:en|t)?(?: sie)? (?:bitte )?(?:endlich )?auf\b[^.!?\n]{0,20}\b(?:mir|uns|mich|zu (?:schreiben|mailen|"
        r"spammen|senden)|mit)\b|\bunterlassen sie\b|\blassen sie (?:mich|uns) in ruhe\b|"
        r"\bwiderspreche (?:ich )?(?:hiermit )?(?:der|jeder|jeglicher)\b[^.!?\n]{0,40}\b(?:nutzung|verarbeitung|"
        r"werb\w*|kontakt\w*|speicherung|zusendung)\b"
    ),
)
_FRENCH = (
    (
        r"\b(?:desabonnez|desinscrivez|retirez|supprimez|enlevez|rayez|effacez|otez|desabonne|desinscris|retire|"
        r"supprime|enleve)[ -](?:moi|nous)\b|\b(?:me|nous) (?:desabonner|desinscrire|retirer|supprimer|enlever|rayer|"
        r"desinscris|desabonne)\b"
    ),
    (
        r"\b(?:veuillez|merci de|pouvez-vous|priere de|je vous (?:prie|demande) de|je souhaite|"
        r"je demande)\b[^.!?\n]{0,30}\b(?:desabonn\w*|desinscri\w*)"
    ),
    (
        r"\b(?:retire[rz]|supprime[rz]|enleve[rz]|efface[rz]|raye[rz]) (?:definitivement )?(?:mon (?:adresse|nom|"
        r"e-?mail|mail|contact)|mes (?:donnees|coordonnees)|toutes mes donnees|notre (?:adresse|societe|nom)|"
        r"nos (?:donnees|coordonnees)|cette adresse)\b"
    ),
    (
        r"\bne (?:me|nous|m') ?(?:contactez|ecrivez|envoyez|sollicitez|recontactez|derangez|contacte|ecris|"
        r"envoie) (?:donc )?plus\b|\bne plus (?:me|nous|m') ?(?:contacter|ecrire|envoyer|solliciter|recontacter|"
        r"deranger|relancer)\b|\bne plus (?:recevoir|etre (?:contacte|sollicite|derange))"
    ),
    (
        r"\bne (?:veux|souhaite|voulons|souhaitons|desire) plus (?:recevoir|etre|de vos|vos)\b|\b(?:arretez|cessez|"
        r"arrete) (?:de|d')? ?(?:m'|me |nous |vos |ces |toute?s? )|\bplus (?:de|aucun) (?:mails?|e-?mails?|messages?|"
        r"courriels?)(?: de votre part)?(?: s'il vous plait| svp| merci|[.!]|$)|\blaissez-(?:moi|nous) tranquille"
    ),
)
_SPANISH = (
    (
        r"\b(?:darme|denme|deme|dame|darnos|dennos|darse|dar|daros|me (?:den|des|de|doy)|"
        r"quiero la) (?:por favor )?(?:de )?baja\b|\b(?:por favor,? )?de baja (?:de|por favor|en)\b"
    ),
    (
        r"\b(?:borr|elimin|quit|sac|retir|remuev)\w{0,4}(?:me|nos)\b(?=[^.!?\n]{0,40}\b(?:lista|base|correos?|datos|"
        r"envios|boletin|mailing|suscrip|registro)|\s*(?:[.!,;\n]|$)| (?:por favor|ya|inmediatamente|gracias))"
    ),
    (
        r"\b(?:elimin|borr|supri)\w* (?:todos )?(?:mis datos|mi (?:correo|direccion|email|e-mail|nombre|contacto)|"
        r"nuestros datos|nuestra (?:direccion|empresa))\b"
    ),
    (
        r"\bno (?:me|nos) (?:envi\w+|escrib\w+|mand\w+|contact\w+|molest\w+) (?:mas|nunca mas|de nuevo)\b|"
        r"\bno (?:quiero|deseo|queremos|deseamos) (?:recibir|que me (?:escrib|contact|envi)\w*) (?:mas|ningun|nada|"
        r"sus|estos|correos|mas)\b|\b(?:dejen?|paren?|dejad|parad|basta) (?:ya )?de (?:enviar|escrib|mand|contact|"
        r"molest|spam)\w*|\bno (?:mas|envien mas|mandes mas|envie mas|enviar mas|mande mas) (?:correos?|e-?mails?|"
        r"mensajes?)\b|\bcancelar (?:mi )?suscripcion\b"
    ),
)
_ITALIAN = (
    (
        r"\b(?:cancella|rimuove?|toglie?|elimina|disiscrive?)(?:te|re|r)?(?:mi|ci)\b|\b(?:mi|ci) (?:cancelli|rimuova|"
        r"tolga|elimini|disiscriva|cancellate|rimuovete|togliete)\b|\b(?:cancellar|rimuover|toglier|eliminar|"
        r"disiscriver)(?:mi|ci)\b"
    ),
    (
        r"\b(?:cancell|rimuov|elimin|togli)\w* (?:i miei dati|il mio (?:indirizzo|nome|contatto|nominativo|account)|"
        r"la mia (?:e-?mail|mail|casella)|i nostri dati|questo indirizzo)\b"
    ),
    (
        r"\bnon (?:voglio|desidero|vogliamo|desideriamo|intendo) (?:piu )?(?:ricever\w*|"
        r"essere (?:piu )?contattat\w*)\b|\bnon (?:contattat|scrivet|inviat|mandat|disturbat)e(?:mi|ci) piu\b|"
        r"\bnon (?:mi|ci) (?:scriv|contatt|invi|mand|disturb)\w+ piu\b|\b(?:smettete|smetti|smetta|smettetela|"
        r"smettila|la smetta|basta)\b (?:di |con )?(?:scriver|inviar|mandar|contattar|disturbar|queste|le |mail|"
        r"e-?mail|spam)\w*|\bbasta (?:mail|e-?mail|messaggi)\b|\bannullare (?:la mia |l')?iscrizione\b"
    ),
)
_PORTUGUESE = (
    (
        r"\b(?:descadastr\w*|desinscrev\w*)\b|\b(?:me remov|me retir|me tir|me exclu|me apag)\w+\b|\b(?:remova|retire|"
        r"tire|exclua|apague|removam|retirem|tirem|excluam)-(?:me|nos)\b|\b(?:remov|retir|tir|exclu|apag)\w* (?:o |a |"
        r"os )?(?:meu|minha|meus|nosso|nossa) (?:e-?mail|nome|endereco|contato|contacto|dados|cadastro|conta)\b"
    ),
    (
        r"\bcancel\w* (?:a )?(?:minha )?(?:inscricao|assinatura|subscricao)\b|\bnao (?:quero|desejo|queremos|"
        r"desejamos|pretendo|gostaria de) (?:mais )?(?:receber|ser contat|ser contact)\w*|\bnao (?:me|nos) (?:envi|"
        r"mand|escrev|contat|contact|incomod)\w+ mais\b|\bpar[ea]m? de (?:me |nos )?(?:enviar|mandar|escrever|"
        r"contatar|contactar|incomodar|spam)\w*|\bnao (?:envi|mand)\w+ mais (?:e-?mails?|mensagens|nada)\b|"
        r"\bchega de (?:e-?mails?|mensagens)\b|\bdeixem?(?: de)? me (?:enviar|em paz)\b"
    ),
)
_DUTCH = (
    (
        r"\b(?:schrijf|schrijft|meld|meldt) (?:mij|me|ons)\b[^.!?\n]{0,30}\b(?:uit|af)\b|\b(?:mij|me|ons|graag|wil|"
        r"wens|alstublieft|svp|aub) (?:graag )?(?:uitschrijven|afmelden|uit te schrijven|af te melden)\b"
        r"(?! (?:voor|bij) (?:(?:de|het|een|vrijdag|zaterdag|zondag) )?(?!\w*(?:mail|lijst|nieuws|bericht|reclame)))|"
        r"\b(?:uitschrijven|afmelden) (?:aub|svp|graag|a\.u\.b)"
    ),
    (
        r"\b(?:verwijder|haal|schrap|wis|verwijdert) (?:mij|me|ons|mijn (?:e-?mail\w*|adres|gegevens|naam|mailadres)|"
        r"onze gegevens|dit (?:e-?mail)?adres)\b(?=[^.!?\n]{0,40}\b(?:lijst|bestand|database|mailing|van|uit|af|"
        r"direct|onmiddellijk|maillijst)\b|\s*(?:[.!,;\n]|$))|\b(?:mijn|onze) gegevens (?:te )?verwijderen\b"
    ),
    (
        r"(?<!gebruikt )(?<!gebruiken )(?<!leest )(?<!lezen )\bgeen (?:verdere |enkele )?(?:e-?mails?|mails?|"
        r"mailtjes|berichten|reclame|nieuwsbrieven) meer\b|\b(?:mail|"
        r"stuur|schrijf|benader|contacteer|bericht) (?:mij|me|ons) (?:niet|nooit|niets|geen \w+) meer\b|"
        r"\bneem geen contact meer\b|\bstop (?:\w+ )?met (?:het )?(?:mailen|sturen|e-?mailen|spammen|schrijven|mij|me|"
        r"ons|deze|lastig\w*)|\bwil (?:ik )?(?:niet|niets|geen)\b[^.!?\n]{0,40}\bmeer (?:ontvangen|horen|krijgen)\b|"
        r"\bniet meer (?:te )?(?:mailen|benaderen|contacteren|ontvangen|benaderd)\b|\blaat (?:mij|me|ons) met rust\b"
    ),
)
_POLISH = (
    (
        r"\b(?:wypisz|wypiszcie|wypisac|wypisanie|wykresl\w*) (?:mnie|nas|z )|\bo (?:wypisanie|usuniecie|wykreslenie|"
        r"skasowanie) (?:mnie|mojego|mojej|moich|nas|naszego|z )|\b(?:usun|usuncie|usunac|skasuj|skasujcie|"
        r"skasowac) (?:mnie|nas|moj|moje|moja|nasz|nasze)\b"
    ),
    (
        r"\bnie (?:wysyla\w*|pisa\w*|pisz\w*|kontaktowa\w*|kontaktuj\w*|przysyla\w*|"
        r"przesyla\w*) (?:\w+ ){0,3}(?:wiecej|juz|ponownie)\b|\b(?:prosze|prosimy) (?:juz |wiecej )?(?:o )?(?:nie|"
        r"nie ?wysylanie|niewysylanie|zaprzestanie) ?(?:mi |do mnie |juz |wiecej |wysylac|pisac|kontaktowac|wysylania|"
        r"kontaktu|przysylac)+|\bnie zycz(?:e|ymy) sobie\b|\brezygnuj(?:e|emy) z (?:subskrypcji|newslettera|"
        r"otrzymywania|mailingu)\b|\bprzesta(?:n|ncie) (?:mi |do mnie |nam )?(?:wysylac|pisac|spamowac)\b|"
        r"\bnie chc(?:e|emy) (?:juz )?(?:wiecej )?(?:otrzymywac|dostawac)\b|\bwiecej (?:do mnie )?nie pis"
    ),
)
PATTERNS = (*_ENGLISH, *_GERMAN, *_FRENCH, *_SPANISH, *_ITALIAN, *_PORTUGUESE, *_DUTCH, *_POLISH)
ALONE = frozenset(
    phrase.strip()
    for phrase in """
    unsubscribe, unsubscribe me, unsubscribe please, please unsubscribe, unsubscribed, unsubscribe now, unsub,
    unsubscibe, unsubcribe, unsuscribe, unsubscrbe, stop, stop it, stop please, please stop, stop this, stop
    emailing, stop mailing, remove, remove me, please remove, please remove me, remove please, remove me please,
    take me off, opt out, opt-out, optout, no more, no more emails, no more mail, delete me, stop now, stop stop
    stop, abmelden, bitte abmelden, austragen, abbestellen, stopp, bitte austragen, bitte loschen, loschen, keine
    mails mehr, keine e-mails mehr, bitte keine mails mehr, bitte keine e-mails mehr, bitte entfernen, desabonner,
    desabonnement, me desabonner, desinscription, desinscrire, me desinscrire, se desabonner, desabonnez-moi, stop
    svp, arretez, stop merci, baja, darme de baja, dar de baja, baja por favor, desuscribir, desuscribirme, cancelar
    suscripcion, basta, disiscrivimi, disiscrivetemi, cancellami, cancellatemi, cancellazione, disiscrizione,
    rimuovimi, rimuovetemi, descadastrar, remover, cancelar inscricao, sair da lista, parar, pare, uitschrijven,
    afmelden, uitschrijven aub, afmelden aub, uitschrijven graag, graag uitschrijven, graag afmelden, wypisz, wypisz
    mnie, wypisac, rezygnuje, usun mnie, prosze wypisac, prosze o wypisanie, prosze o usuniecie
    """.replace("\n", " ").split(",")
)
"""What says it all when it is the whole message, or a whole line of a short one."""
