"""Everything that touches the world: mailboxes, matching, the one writer, schedule, command line."""
