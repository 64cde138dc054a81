"""Steps 1 and 7 in parts: what lies in a mailbox or in files, batch by batch, and how far it was read."""
