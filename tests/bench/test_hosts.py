"""Hosts of one's own, as far as this system makes them."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bench.hosts import Hosts, why_not

ASK = """
import socket, sys
print(socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3])).recv(9).decode())
"""
PATIENT = 30.0


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with Hosts(4) as hosts:
        yield hosts


def ask(hosts: Hosts, number: int, port: int, seconds: float = PATIENT) -> subprocess.Popen[str]:
    command = [*hosts.within(number), sys.executable, "-c", ASK, hosts.gateway, str(port), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_each_host_comes_from_its_own_address_until_it_is_cut_off_and_again_when_it_is_joined(hosts: Hosts) -> None:
    with socket.create_server((hosts.gateway, 0)) as server:
        server.settimeout(PATIENT)
        port = server.getsockname()[1]
        for number in range(hosts.count):
            assert answered(server, ask(hosts, number, port)) == (hosts.address(number), "welcome\n")
        hosts.cut(0)
        out, err = ask(hosts, 0, port, 1).communicate()
        assert not out
        assert "TimeoutError" in err
        assert answered(server, ask(hosts, 1, port))[0] == hosts.address(1)
        hosts.join(0)
        assert answered(server, ask(hosts, 0, port)) == (hosts.address(0), "welcome\n")


def test_nothing_of_them_stays(hosts: Hosts) -> None:
    before = links()
    with pytest.raises(ZeroDivisionError):
        raise_among(hosts)
    assert links() == before


def raise_among(hosts: Hosts) -> None:
    more = Hosts(1)
    more._tag, more._net = "iwother", f"10.199.{hosts._net.rpartition('.')[2]}"  # noqa: SLF001 - two of one process
    with more:
        raise ZeroDivisionError


def links() -> set[str]:
    said = subprocess.run(["ip", "-o", "link"], check=True, capture_output=True, text=True).stdout
    spaces = subprocess.run(["ip", "netns"], check=True, capture_output=True, text=True).stdout
    return {line.split()[1].split("@")[0] for line in said.splitlines()} | {
        line.split()[0] for line in spaces.splitlines()
    }


def answered(server: socket.socket, asking: subprocess.Popen[str]) -> tuple[str, str]:
    connection, (address, _) = server.accept()
    with connection:
        connection.sendall(b"welcome")
    out, _ = asking.communicate()
    return address, out
