"""Where an endpoint may lie: no address that only we can reach, whatever its name means at the moment."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.receiver import Receiver, Say, receiving
from worker.errors import InputError
from worker.webhooks.guard import addresses_of, is_public, target_of
from worker.webhooks.post import Answer, Line


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",  # noqa: S104
        "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "224.0.1.1", "239.1.1.1",
        "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1",
        "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "2002:7f00:1::", "2002:a00:1::", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8",
        "2001:db8::1", "2001::1", "100::1", "4000::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_of_the_public_internet_are_refused(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(InputError, match="no address of the public internet"):
        addresses_of(target_of("https://hook.example/", allow_private=False), lambda *_: [address])


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"]
)
def test_public_addresses_are_let_through(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:7f00:1]", "localhost"]
)
def test_no_spelling_of_this_machine_is_let_through(host: str) -> None:
    with pytest.raises(InputError, match="no address of the public internet"):
        addresses_of(target_of(f"https://{host}/", allow_private=False))


def test_a_name_with_one_private_address_among_others_is_refused() -> None:
    target = target_of("https://hook.example/", allow_private=False)
    with pytest.raises(InputError, match=r"10\.0\.0\.1"):
        addresses_of(target, lambda *_: ["8.8.8.8", "10.0.0.1"])


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://hook.example/", "not encrypted"),
        ("ftp://hook.example/", "https://host/path"),
        ("https:///path", "https://host/path"),
        ("hook.example/path", "https://host/path"),
        ("https://petra:sesame@hook.example/", "user name or password"),
        ("https://hook.example\\@10.0.0.1/", "user name or password"),
        ("https://hook.example:99999/", "no URL"),
        ("https://hook.example:port/", "no URL"),
        ("https://hook.example/a b", "no URL"),
        ("https://hook.example/\r\nX: y", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://ho..ok.exämple/", "no URL"),
        ("https://hook.example/ä", "percent-encoded"),
    ],
)
def test_a_url_that_is_none_of_an_endpoint_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        target_of(url, allow_private=False)


def test_a_url_is_read_the_way_it_is_connected_to() -> None:
    target = target_of("https://Hook.exämple:8443/a?b=c#d", allow_private=False)
    assert (target.host, target.port, target.path) == ("hook.xn--exmple-cua", 8443, "/a?b=c")
    assert target.authority == "hook.xn--exmple-cua:8443"
    assert target_of("https://[2606:4700::1111]/", allow_private=False).authority == "[2606:4700::1111]"


def test_a_private_network_is_allowed_where_a_person_said_so(receiver: Receiver) -> None:
    with Line(target_of(receiver.url, allow_private=True)) as line:
        assert line.post(b"{}", {}).status == 204
    assert receiver.heard[0].headers["host"] == f"127.0.0.1:{receiver.port}"


def test_a_name_that_means_something_else_at_the_next_look_up_gains_nothing(receiver: Receiver) -> None:
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])

    def rebinding(*_: object) -> list[str]:
        return next(answers)

    target = target_of(f"https://hook.example:{receiver.port}/", allow_private=False)
    assert addresses_of(target, rebinding) == ["8.8.8.8"]
    with Line(target, resolve=rebinding) as line:
        answer = line.post(b"{}", {})
    assert answer.status is None
    assert "hook.example is 127.0.0.1" in answer.says
    assert receiver.connections == 0


def test_the_connection_goes_to_the_address_that_was_checked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = target_of(f"http://hook.example:{receiver.port}/", allow_private=True)

    def looked_up(host: str, *_: object, **__: object) -> list[object]:
        raise AssertionError(f"{host} is looked up a second time")

    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: real(host, *a, **k) if host == "127.0.0.1" else looked_up(host)
    )
    with Line(target, resolve=lambda *_: ["127.0.0.1"]) as line:
        assert line.post(b"{}", {}).status == 204
    assert receiver.heard[0].headers["host"] == f"hook.example:{receiver.port}"


def test_the_next_address_is_tried_where_one_does_not_answer(receiver: Receiver) -> None:
    target = target_of(f"http://hook.example:{receiver.port}/", allow_private=True)
    with Line(target, resolve=lambda *_: ["127.0.0.99", "127.0.0.1"]) as line:
        assert line.post(b"{}", {}).status == 204


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answer = lambda _: Say(302, {"Location": "http://169.254.169.254/latest"})
    with Line(target_of(receiver.url, allow_private=True)) as line:
        answer = line.post(b"{}", {})
    assert (answer.status, answer.well, len(receiver.heard)) == (302, False, 1)


def test_of_a_long_answer_only_the_beginning_is_read(receiver: Receiver) -> None:
    receiver.answer = lambda _: Say(500, {}, b"no\x1b[31m" + b"x" * 5_000_000)
    with Line(target_of(receiver.url, allow_private=True)) as line:
        answer = line.post(b"{}", {})
    assert answer.status == 500
    assert str(answer).startswith("HTTP 500: no [31mxxx")
    assert len(answer.says) <= 300


def test_one_connection_serves_many_requests(receiver: Receiver) -> None:
    with Line(target_of(receiver.url, allow_private=True)) as line:
        assert [line.post(b"{}", {}).status for _ in range(5)] == [204] * 5
    assert receiver.connections == 1


def test_an_answer_that_never_ends_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                try:
                    while True:
                        connection.sendall(b"X: y\r\n")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        target = target_of(f"http://127.0.0.1:{server.getsockname()[1]}/", allow_private=True)
        with Line(target, whole=0.2) as line:
            answer = line.post(b"{}", {})
        thread.join()
    assert answer.status is None


def test_where_no_time_is_left_nothing_is_connected_to(receiver: Receiver) -> None:
    with Line(target_of(receiver.url, allow_private=True), whole=0) as line:
        assert line.post(b"{}", {}) == Answer(None, "no answer in time: the whole request took too long")
    assert receiver.connections == 0


def test_an_answer_that_breaks_off_counts_by_its_status() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def break_off() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of")

        thread = threading.Thread(target=break_off)
        thread.start()
        with Line(target_of(f"http://127.0.0.1:{server.getsockname()[1]}/", allow_private=True)) as line:
            answer = line.post(b"{}", {})
        thread.join()
    assert (answer.well, answer.says) == (True, "half of")


def test_an_endpoint_that_says_nothing_is_left_in_time(receiver: Receiver) -> None:
    held = threading.Event()
    receiver.answer = lambda _: (held.wait(), Say())[1]
    with Line(target_of(receiver.url, allow_private=True), whole=0.2) as line:
        assert str(line.post(b"{}", {})).startswith("no answer in time")
    held.set()


def test_hanging_up_is_an_answer_too(receiver: Receiver) -> None:
    receiver.answer = lambda _: Say(0)
    with Line(target_of(receiver.url, allow_private=True)) as line:
        assert line.post(b"{}", {}).status is None


def test_the_certificate_is_verified_for_the_name(receiver: Receiver, tmp_path: Path) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=hook.example", "-addext", "subjectAltName=DNS:hook.example", "-keyout", key, "-out",
         certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    trusting = ssl.create_default_context(cafile=certificate)

    def post(host: str, tls: ssl.SSLContext | None) -> str:
        target = target_of(f"https://{host}:{receiver.port}/", allow_private=True)
        with Line(target, resolve=lambda *_: ["127.0.0.1"], tls=tls) as line:
            return str(line.post(b"{}", {}))

    assert post("hook.example", trusting) == "HTTP 204"
    assert "Hostname mismatch" in post("other.example", trusting)
    assert "self-signed" in post("hook.example", None)
