"""The script one would write first: imap_tools, flufl.bounce on everything, one ORM commit a message."""

from __future__ import annotations

import ssl
import sys
from datetime import datetime

from flufl.bounce import all_failures
from imap_tools import MailBox
from sqlalchemy import String, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Mail(Base):
    __tablename__ = "obvious_mail"
    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(20), unique=True)
    sender: Mapped[str]
    subject: Mapped[str]
    date: Mapped[datetime]
    text: Mapped[str]
    temporary: Mapped[str]
    permanent: Mapped[str]


def main(url: str, host: str, port: str, user: str, password: str, ca_file: str) -> None:
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    context = ssl.create_default_context(cafile=ca_file)
    count = 0
    with MailBox(host, int(port), ssl_context=context).login(user, password) as box, Session(engine) as session:
        for mail in box.fetch(mark_seen=False, bulk=100):
            temporary, permanent = all_failures(mail.obj)
            session.add(
                Mail(
                    uid=mail.uid,
                    sender=mail.from_,
                    subject=mail.subject,
                    date=mail.date,
                    text=mail.text or mail.html,
                    temporary=",".join(sorted(each.decode() for each in temporary)),
                    permanent=",".join(sorted(each.decode() for each in permanent)),
                )
            )
            session.commit()
            count += 1
    print(count)


if __name__ == "__main__":
    main(*sys.argv[1:])
