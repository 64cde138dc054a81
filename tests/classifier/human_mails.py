"""Mails of people that look like a machine's, written for the tests: what they say, and the fields that differ."""

from __future__ import annotations

HUMANS: list[tuple[str, dict[str, str]]] = [
    # Short thanks, and people who received something.
    ("Thanks, got it.", {}),
    ("I received your message, call me Friday.", {}),
    ("We received your offer and would like a quote for 200 seats.", {}),
    ("We have received your message. Who gave you this address?", {}),
    ("Your message has been received with great interest, let's talk.", {}),
    ("Danke, ist angekommen. Rufen Sie mich morgen an.", {}),
    ("Wir haben Ihre Nachricht erhalten. Haben Sie morgen Zeit?", {}),
    ("Merci, bien reçu. Appelez-moi vendredi.", {}),
    ("Gracias, recibido. ¿Cuánto cuesta?", {}),
    ("Grazie, ricevuto. Quanto costa?", {}),
    ("Dziękuję, otrzymałem. Proszę o ofertę.", {}),
    ("Obrigado, recebi. Vamos falar amanhã.", {}),
    ("Bedankt, ontvangen. Bel me morgen.", {}),
    ("We received your email and our team would love a demo.", {}),
    ("Thank you for reaching out. We will discuss this internally and get back to you as soon as possible.", {}),
    ("Thanks for reaching out! I'll check with my team and get back to you within two days.", {}),
    ("We have received your request. I am the right person, what would it cost for our support team?", {}),
    ("Wir haben Ihre Anfrage erhalten und ich melde mich in Kürze.", {}),
    ("Nous avons bien reçu votre message, je vous réponds dans les prochains jours.", {}),
    ("I opened a ticket for you with our IT.", {}),
    ("My mailbox is full of such mail, but yours made me curious.", {}),
    # More of what people write.
    ("Thanks for your email. I'm out of the office Thursday but Friday works for a call.", {}),
    (
        (
            "Hi Lena, got your email. I'm not the right person, try ann@customer.example, she handles urgent"
            " matters like this."
        ),
        {},
    ),
    ("I'm currently traveling with limited access to email, so let's talk next week. Tuesday works.", {}),
    ("We received your request but we have to decline at this time.", {}),
    ("Thank you for contacting us. We are not looking for new suppliers at the moment.", {}),
    ("Thank you for reaching out. We have no need within the next year, but please try again then.", {}),
    ("Thanks for reaching out! Our team will be evaluating tools within the next two months, ping me in August.", {}),
    ("Please do not reply to this thread anymore, use my other address ann@customer.example.", {}),
    ("Please don't respond to this email, I'll reach out when budget opens.", {}),
    ("No longer with that company, so not relevant for me.", {}),
    ("I'm no longer working in procurement. My colleague Bob took over, bob@customer.example.", {}),
    ("This is not automated, I'm a real person. Please stop the drip campaign follow ups, just call.", {}),
    ("Was that an automated email? It got my name wrong.", {}),
    ("Our ticket system ate your first message. I opened it today: looks useful.", {}),
    ("A ticket was opened with IT to whitelist your domain. Resend it tomorrow.", {}),
    ("I've been on leave for a month, sorry for the late answer. Still relevant?", {}),
    ("Sorry for the slow answer, I was on vacation. We went with someone else.", {}),
    ("In urgent cases we need 24h support. Do you offer that?", {}),
    ("Wir haben Ihr Angebot erhalten und melden uns, sobald die Geschäftsleitung entschieden hat.", {}),
    ("Vielen Dank für Ihre Nachricht. Derzeit besteht kein Bedarf.", {}),
    ("Ich bin ab morgen im Urlaub, melden Sie sich bitte im August noch einmal.", {}),
    ("Danke für Ihre Mail, leider nicht mein Bereich. Bitte wenden Sie sich an anna@kunde.example.", {}),
    ("Merci pour votre message, mais nous ne sommes pas intéressés.", {}),
    ("Je suis en déplacement, rappelez-moi lundi.", {}),
    ("Nous avons bien reçu votre proposition, elle sera étudiée en réunion.", {}),
    ("Hemos recibido su propuesta, pero no encaja con lo que buscamos.", {}),
    ("Gracias por su mensaje, no estamos interesados por ahora.", {}),
    ("Abbiamo ricevuto la sua offerta, la valuteremo con il direttore.", {}),
    ("Recebemos a sua proposta, mas não temos orçamento.", {}),
    ("Bedankt voor uw bericht, maar we hebben al een leverancier.", {}),
    ("Dziękujemy za wiadomość, ale nie jesteśmy zainteresowani.", {}),
    ("Dziękuję za wiadomość. W pilnych sprawach proszę dzwonić, a ofertę proszę przesłać mailem.", {}),
    ("If it's urgent call me on my cell. I'm out today.", {}),
    ("As soon as I'm back in the office I will forward it to the right person.", {}),
    ("The office is closed on Fridays, so ring me on Thursday.", {}),
    ("My new email is tom@new.example, resend the deck there please.", {}),
    ("I can confirm receipt of your message. Let me check with my boss.", {}),
    ("This address is for invoices. Write to sales instead.", {}),
    # People who mention being away while they answer.
    ("Yes, gladly. I travel until Thursday, call me Friday.", {}),
    ("I'm on vacation next week, can we talk the week after?", {}),
    ("Sounds good, but I am out of the office until Monday. Tuesday at 10?", {}),
    ("I was away last week. Yes, please send me the prices.", {}),
    ("When I am back in the office on Monday I will look at it. What does it cost?", {}),
    ("Ich war im Urlaub, daher erst jetzt: gern, schicken Sie mir ein Angebot.", {}),
    ("Ich bin nächste Woche nicht im Büro. Passt es Ihnen am 15.?", {}),
    ("Je suis en vacances la semaine prochaine, on peut se parler après ?", {}),
    ("Estoy de viaje esta semana. ¿Hablamos el lunes?", {}),
    ("Sono in ferie la prossima settimana, ci sentiamo dopo?", {}),
    ("Ik ben volgende week op vakantie, kunnen we daarna bellen?", {}),
    ("W przyszłym tygodniu jestem na urlopie, możemy porozmawiać potem?", {}),
    ("My colleague Ann is out of the office, so I answer for her: we are interested.", {}),
    ("Bob is no longer with us, I took over. Tell me more, please.", {}),
    ("Is the system out of office hours, too?", {}),
    # "auto" and absences in the subject, and words about machines.
    ("How does the auto reply of your product work?", {"subject": "Auto reply feature"}),
    ("Do you sell spare parts?", {"subject": "Auto parts for our fleet"}),
    ("Interesting. What does it cost?", {"subject": "Re: Automatic replies with your tool"}),
    ("Sure, let's do that.", {"subject": "Re: Automatic reply: A question"}),
    ("Hope you had a good rest. We should talk.", {"subject": "Re: Out of Office: A question"}),
    ("Gute Erholung gehabt? Wir hätten Interesse.", {"subject": "AW: Abwesenheitsnotiz: Frage"}),
    ("Could you plan our team's absences with it?", {"subject": "Absence planning"}),
    ("Does it count days of leave?", {"subject": "Vacation tracking"}),
    ("Was kostet das für 40 Leute?", {"subject": "Urlaubsplanung"}),
    ("On cherche un outil de ce genre.", {"subject": "Absences de nos salariés"}),
    ("Is this an automated message?", {}),
    ("Your last mail looked like an automated message to me. Who are you?", {}),
    ("I am not a robot, and this is not an automatic reply. Call me.", {}),
    ("Please do not reply to this address but to tom@customer.example. What is the price?", {}),
    # Forwarded and quoted notices.
    ("FYI, she is away. Try again in July?", {"subject": "Fwd: Out of Office: A question"}),
    (
        (
            "See below, Ann is away. I can help you.\n\n-----Original Message-----\nFrom: Ann <ann@customer.example>\n"
            "Sent: Monday\nTo: Tom\nSubject: Automatic reply\n\nI am out of the office until 12 June."
        ),
        {"subject": "FW: Automatic reply: A question"},
    ),
    ("Ich leite das mal weiter.", {"subject": "WG: Automatische Antwort: Frage"}),
    (
        (
            "That is what I got back. What now?\n\n> I am currently out of the office with limited access to e-mail.\n"
            "> Your message will not be forwarded."
        ),
        {},
    ),
    (
        (
            f"{'Let us go through the points of your mail one by one. ' * 18}You quote this: This is an automated"
            f" message. {'We think so too. ' * 20}"
        ),
        {},
    ),
    # Lists.
    (
        "Thank you for your message, we will look at the patch in June.",
        {"Precedence": "list", "List_Id": "<dev.example.org>"},
    ),
    (
        "I think the second patch is better. Has anybody tried it?",
        {"Precedence": "list", "List_Id": "<dev.example.org>"},
    ),
    (
        "I will be away next week, somebody else please take the release.",
        {"Precedence": "list", "List_Post": "<mailto:dev@example.org>"},
    ),
    ("Thank you for your message, I will look at the patch.", {"Precedence": "bulk", "X_Loop": "dev@example.org"}),
    ("The build is green again.", {"List_Id": "<dev.example.org>", "Feedback_ID": "4:list", "Precedence": "list"}),
    # Ticket systems and servers that stamp people's mail.
    ("Yes, we would like a demo.", {"X_Auto_Response_Suppress": "All"}),
    ("Thanks, I will read it tomorrow.", {"X_Auto_Response_Suppress": "DR, OOF, AutoReply"}),
    ("No, we are happy with what we have.", {"X_Auto_Response_Suppress": "All", "Precedence": "bulk"}),
    (
        "##- Please type your reply above this line -##\n\nMaria (Customer Ltd)\n\nHi Lena, could you send us prices?",
        {"X_Auto_Response_Suppress": "All", "X_Mailer": "Zendesk Mailer"},
    ),
    (
        "Hi Lena, this is Maria of the purchasing team. Could you send us prices?",
        {"Auto_Submitted": "auto-generated", "X_Mailer": "Zendesk Mailer", "X_Zendesk_From_Account_Id": "77"},
    ),
    ("Please call me on Friday.", {"Return_Path": "<>"}),
    ("Who are you?", {"Auto_Submitted": "no"}),
    ("Hello, we are interested.", {"Auto_Submitted": "No (a person)"}),
    ("Yes please.", {"X_Autoreply": "no"}),
    ("Wer sind Sie?", {"X_Auto_Response_Suppress": "None"}),
    (
        "Please write to me at tom@customer.example, I do not read this one often.",
        {"sender": "no-reply@customer.example"},
    ),
    ("Not now, ask me again in autumn.", {"Feedback_ID": "1:2:3:x", "List_Unsubscribe": "<mailto:u@customer.example>"}),
    ("I left the company, please ask my old boss.", {}),
    ("My new address is tom@new.example, the old one will go. Can you send it there again?", {}),
    ("Ann has left the company; I decide now. Yes, let's meet.", {}),
]
