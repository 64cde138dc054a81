"""Where mailboxes may lie that are described in the console, and not at the machine."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from config.settings import Settings
from models.tables.mailboxes import Mailbox
from worker.acts import private_hosts
from worker.acts.private_hosts import see_host, see_move
from worker.errors import InputError

PRIVATE = ["127.0.0.1", "10.1.2.3", "192.168.0.9", "169.254.169.254", "::1", "fe80::1%eth0", "fd00::1", "::"]


def resolving(monkeypatch: pytest.MonkeyPatch, resolve: Callable[[str, int], list[str]]) -> None:
    monkeypatch.setattr(private_hosts, "system_addresses", resolve)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "localhost", "::1", "169.254.169.254"])
def test_this_machine_and_its_neighbours_are_refused_however_they_are_written(host: str) -> None:
    with pytest.raises(InputError, match="INBOX_MAILBOX_PRIVATE_HOSTS=true"):
        see_host(host, Settings())
    see_host(host, Settings(mailbox_private_hosts=True))


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_inside_is_refused_and_its_address_is_not_told(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    resolving(monkeypatch, lambda *_: ["93.184.215.14", address])
    with pytest.raises(InputError, match="example is this machine or lies in") as caught:
        see_host("imap.inside.example", Settings())
    assert address not in str(caught.value)


def test_a_public_name_and_one_without_an_address_may_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, lambda *_: ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
    see_host("imap.example", Settings())

    def nobody(*_: object) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    resolving(monkeypatch, nobody)
    see_host("imap.example", Settings())
    monkeypatch.undo()
    see_host("\0", Settings())


def test_a_mailbox_that_lies_inside_may_stay_but_goes_to_no_other_port_there() -> None:
    mailbox = Mailbox(name="m", host="127.0.0.1", port=993, security="tls", username="m")
    see_move(mailbox, {"host": "127.0.0.1", "port": 993, "security": "tls", "username": "n"}, Settings())
    for given in ({"port": 22}, {"security": "starttls"}, {"host": "localhost"}):
        with pytest.raises(InputError, match="private network"):
            see_move(mailbox, given, Settings())
