"""The floor: fetch every message through worker.mailbox, and do nothing with it."""

from __future__ import annotations

import sys

from worker.imap.account import Account
from worker.mailbox import connect


def main(host: str, port: str, user: str, password: str, ca_file: str) -> None:
    account = Account(
        host=host, port=int(port), username=user, password=password, security="tls", ca_file=ca_file, timeout=60
    )
    with connect(account, user) as imap:
        state = imap.select("INBOX")
        print(sum(len(batch) for batch in imap.fetch(imap.new_uids(state, 0))))


if __name__ == "__main__":
    main(*sys.argv[1:])
