"""The floor of a backfill: fetch, parse, the classifier's features, one insert a batch, and nothing else.

It matches nothing, judges nothing, keeps no history and knows no folder twice; it fetches like a backfill, with the
same parser, the same sender's own words and the same vectoriser (not the encoder), and writes a row with those words.
"""

from __future__ import annotations

import sys
from datetime import datetime

from sqlalchemy import BigInteger, String, create_engine, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from classifier.artifact import load_default
from classifier.features import document
from classifier.message import parse
from classifier.own_words.words import own_words
from models.engine import DRIVERS
from worker.imap.account import Account
from worker.mailbox import connect
from worker.reading.crew import settle


class Base(DeclarativeBase):
    pass


class Mail(Base):
    __tablename__ = "floor_mail"
    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[int] = mapped_column(BigInteger, unique=True)
    sender: Mapped[str | None]
    subject: Mapped[str] = mapped_column(String(1000))
    arrived_at: Mapped[datetime]
    text: Mapped[str]
    terms: Mapped[int]


def main(url: str, host: str, port: str, user: str, password: str, ca_file: str) -> None:
    kind, _, rest = url.partition(":")
    engine = create_engine(f"{DRIVERS.get(kind, kind)}:{rest}")
    Base.metadata.create_all(engine)
    vectoriser = load_default().vectoriser
    account = Account(
        host=host, port=int(port), username=user, password=password, security="tls", ca_file=ca_file, timeout=60
    )
    settle()
    with connect(account, user) as imap:
        state = imap.select("INBOX")
        for batch in imap.fetch(imap.new_uids(state, 0)):
            rows = []
            for each in batch:
                mail = parse(each.raw, arrived_at=each.arrived_at)
                words = own_words(mail).text
                vector = vectoriser.weigh(document(mail.subject, words))
                rows.append(
                    {
                        "uid": each.uid,
                        "sender": mail.from_address,
                        "subject": mail.subject,
                        "arrived_at": each.arrived_at,
                        "text": words,
                        "terms": len(vector.ids),
                    }
                )
            with engine.begin() as connection:
                connection.execute(insert(Mail), rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
