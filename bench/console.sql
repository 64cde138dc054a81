-- A team with nearly everything, and another; the names after a colon are filled in by bench/console.py.
INSERT INTO team (id, name) VALUES (1, 'default'), (2, 'others');
INSERT INTO campaign (id, team_id, key, name, stop_on_reply, auto_response, auto_response_days, policy_version)
SELECT n, CASE WHEN n % 12 = 0 THEN 2 ELSE 1 END, 'c' || n, 'Campaign ' || n, true, 'continue', 3, 1
FROM generate_series(1, :campaigns) n;
INSERT INTO mailbox (id, team_id, name, host, port, security, username, password, addresses, opt_out_aliases,
    authserv_ids, folders, learn_sends, failures, last_success_at, next_poll_at)
SELECT n, 1, 'sender' || n || '@outreach.example', 'mail.outreach.example', 993, 'tls', 'sender' || n, '', '[]', '[]',
    '[]', '[]', true, CASE WHEN n % 40 = 0 THEN 5 ELSE 0 END, CAST(:now AS timestamptz), CAST(:now AS timestamptz)
FROM generate_series(1, :mailboxes) n;
INSERT INTO contact (id, team_id, address, domain)
SELECT n, CASE WHEN n % 12 = 0 THEN 2 ELSE 1 END,
    (CAST(:names AS text[]))[1 + n % 12] || '.' || substr(md5(n::text), 1, 6) || '@firm' || n % 20000 || '.example',
    'firm' || n % 20000 || '.example'
FROM generate_series(1, :contacts) n;
INSERT INTO recipient (id, team_id, campaign_id, contact_id, status, removed_by_person, sequence, listed, changed_at)
SELECT n, CASE WHEN c % 12 = 0 THEN 2 ELSE 1 END,
    CASE WHEN c % 12 = 0 THEN 12 * (1 + (c + n / :contacts) % (:campaigns / 12)) ELSE 1 + (c + n / :contacts) % 11 + 12 * (c / 12 % (:campaigns / 12)) END,
    c, (CAST(:statuses AS text[]))[CASE WHEN n % 10 < 7 THEN 1 ELSE 1 + n % 12 END], false,
    CASE WHEN n % 10 < 7 THEN 'running' ELSE 'ended' END, true,
    CAST(:start AS timestamptz) + random() * interval '60 days'
FROM (SELECT n, 1 + (n - 1) % :contacts AS c FROM generate_series(1, :recipients) n) numbers;
INSERT INTO sent_message (id, team_id, recipient_id, mailbox_id, send_id, subject_key, sent_at)
SELECT id, team_id, id, 1 + id % :mailboxes, 's' || id, 'our offer', CAST(:start AS timestamptz) + id % 60 * interval '1 day'
FROM recipient;
INSERT INTO inbound_message (id, mailbox_id, folder, uidvalidity, uid, message_id, content_hash, arrived_at, size,
    from_address, subject, state, problems, clues, recorded_at)
SELECT n, 1 + n % :mailboxes, 'INBOX', 1, n, 'm' || n || '@client.example', md5(n::text),
    CAST(:start AS timestamptz) + random() * interval '60 days', 3000, 'anna' || n || '@firm.example',
    'Re: our offer ' || n, CASE WHEN n % 50 = 0 THEN 'unmatched' WHEN n % 5000 = 1 THEN 'set aside' ELSE 'judged' END,
    '[]', '{}', CAST(:now AS timestamptz)
FROM generate_series(1, :recipients) n;
INSERT INTO verdict (message_id, kind, reply_class, confidence, artifact, details, rest, recorded_at)
SELECT id, CASE WHEN id % 3 = 0 THEN 'bounce' ELSE 'reply' END, CASE WHEN id % 3 = 0 THEN NULL ELSE 'Interested' END,
    CASE WHEN id % 3 = 0 THEN NULL ELSE 0.5 + random() / 2 END, CASE WHEN id % 3 = 0 THEN NULL ELSE 'default' END,
    CASE WHEN id % 3 = 0
    THEN '{"kind": "hard", "recipients": ["anna@firm.example"], "reason": "user_unknown", "status": "5.1.1", "smtp_reply": "550", "action": "failed", "diagnostic": "550 5.1.1 no such user", "reporting_mta": null, "original_message_ids": [], "original_subject": null, "evidence": [{"detector": "delivery_report", "because": "status 5.1.1"}]}'::json
    ELSE '{"reply_class": "Interested", "confidence": 0.8, "probabilities": {"Interested": 0.8, "Engaged": 0.2}, "sure": true, "hold": false, "near_opt_out": false, "visible_text": "Thank you, that sounds good. Could we talk on Thursday?", "language": "en", "artifact": "default", "evidence": [{"detector": "classifier", "because": "words: sounds good, could we, thursday"}]}'::json
    END, 'On Monday you wrote: our offer ...', CAST(:now AS timestamptz)
FROM inbound_message WHERE state <> 'set aside';
INSERT INTO aside_message (message_id, raw, omitted, attempts, last_attempt_at)
SELECT id, 'From: a', '[]', 1, CAST(:now AS timestamptz) FROM inbound_message WHERE state = 'set aside';
INSERT INTO recipient_event (recipient_id, message_id, key, kind, happened_at, status, sure, confidence, ends, dated,
    bounce, send_id, trust, sampled, because, artifact, recorded_at)
SELECT r.id, CASE WHEN k IN (3, 4) THEN 1 + (r.id * 7 + k) % :recipients END, md5(r.id || '/' || k),
    (ARRAY['joined', 'delivered', 'reply', 'bounce', 'opened'])[k],
    CAST(:start AS timestamptz) + (k + r.id % 50) * interval '1 day', CASE WHEN k = 3 THEN 'Interested' END, true,
    CASE WHEN k = 3 THEN 0.8 END, false, false, CASE WHEN k = 4 THEN 'soft' END, CASE WHEN k IN (2, 4) THEN 's' || r.id END,
    'acts', k = 3 AND r.id % 50 = 0, '["made for a benchmark"]', CASE WHEN k = 3 THEN 'default' END,
    CAST(:now AS timestamptz)
FROM recipient r, generate_series(1, 5) k;
INSERT INTO status_change (recipient_id, from_status, to_status, from_sequence, to_sequence, event_key, because, recorded_at)
SELECT id, NULL, 'Active', NULL, 'running', md5(id || '/1'), CAST('["it joined"]' AS json), CAST(:start AS timestamptz) FROM recipient
UNION ALL
SELECT id, 'Active', status, 'running', sequence, md5(id || '/3'), CAST('["a reply"]' AS json), changed_at FROM recipient WHERE status <> 'Active';
INSERT INTO review_item (team_id, campaign_id, recipient_id, event_key, kind, holds, urgency, lesson, opened_at, closed_at)
SELECT team_id, campaign_id, id, md5(id || '/3'),
    (ARRAY['low confidence', 'possible opt-out', 'drawn at random', 'close to a possible opt-out'])[1 + id % 4], id % 20 = 0,
    CASE WHEN id % 20 = 0 THEN 0 ELSE 10 END + id % 4, 2.8,
    CAST(:start AS timestamptz) + id % 60 * interval '1 day', CASE WHEN id % 2 = 0 THEN CAST(:now AS timestamptz) END
FROM recipient WHERE id % 5 < 2;
INSERT INTO dne_entry (team_id, target, reason, source, recipient_id, since, actor, recorded_at)
SELECT r.team_id, c.address, (ARRAY['hard bounce', 'unsubscribe reply', 'manual'])[1 + r.id % 3], md5(r.id::text), r.id,
    r.changed_at, NULL, CAST(:now AS timestamptz)
FROM recipient r JOIN contact c ON c.id = r.contact_id WHERE r.id % 20 = 0;
INSERT INTO dne_entry (team_id, target, reason, source, since, actor, recorded_at)
SELECT 1, (ARRAY['banned', 'firm'])[1 + n % 2] || n || '.example', 'domain', md5('d' || n), CAST(:start AS timestamptz), 'bench', CAST(:now AS timestamptz)
FROM generate_series(1, 500) n;
INSERT INTO label (team_id, key, text_key, subject, text, language, label, hard, note, source, machine, sampled, message_id,
    actor, recorded_at)
SELECT 1, md5(id::text), md5(id::text), subject, 'Thank you, that sounds good. ' || id, 'en',
    (CAST(:statuses AS text[]))[2 + id % 5], false, '', 'review', 'Interested', id % 4 = 0, id, 'data-staff', CAST(:now AS timestamptz) - id % 40 * interval '1 day'
FROM inbound_message WHERE id % 50 = 2;
INSERT INTO automation_rule (campaign_id, name, definition, since, actor, recorded_at)
SELECT id, 'stop after a click', '{"name": "stop after a click", "when": {"link": "/offer"}, "then": [{"do": "stop"}]}', CAST(:start AS timestamptz), 'bench', CAST(:now AS timestamptz)
FROM campaign WHERE id % 3 = 0;
INSERT INTO webhook_endpoint (id, team_id, name, url, secret, types, allow_private, recorded_at)
SELECT n, 1, 'crm' || n, 'https://crm.example/' || n, '', '[]', false, CAST(:start AS timestamptz) FROM generate_series(1, 5) n;
INSERT INTO outbox_event (id, team_id, type, subject, payload, recorded_at, dispatched_at)
SELECT n, 1, 'recipient.status_changed', 'anna' || n || '@firm.example', '{}', CAST(:now AS timestamptz), CAST(:now AS timestamptz)
FROM generate_series(1, :recipients / 5) n;
INSERT INTO delivery (endpoint_id, event_id, subject, state, attempts, next_attempt_at, last_error)
SELECT 1 + id % 5, id, subject, CASE WHEN id % 100 = 0 THEN 'dead' WHEN id % 100 = 1 THEN 'pending' ELSE 'delivered' END, 1,
    CAST(:now AS timestamptz), CASE WHEN id % 100 < 2 THEN 'HTTP 500' END
FROM outbox_event;
INSERT INTO bulk_act (team_id, actor, kind, says, targets, recorded_at)
SELECT 1, 'bench', 'status', 'set 3 recipients to Interested', '["1", "2", "3"]', CAST(:now AS timestamptz) FROM generate_series(1, 200);
SELECT setval(pg_get_serial_sequence(name, 'id'), 10000000)
FROM unnest(ARRAY['team', 'campaign', 'mailbox', 'contact', 'recipient', 'sent_message', 'inbound_message', 'webhook_endpoint', 'outbox_event']) name
