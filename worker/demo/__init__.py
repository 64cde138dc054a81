"""The demo: a sample mailbox, and an IMAP server in this process that serves it."""
