"""What people ask the daemon to do with a mailbox, from the request to its report."""
