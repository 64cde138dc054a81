"""Speaking IMAP: connections, how one signs in, and what is fetched of a folder; knows no database."""
