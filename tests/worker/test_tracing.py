"""A message is followed through its steps, where somebody collects traces."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from config.settings import Settings
from models.session import open_engine
from tests.lab import Lab, deliver, recent
from tests.servers import PrivateDovecot
from worker.errors import InputError
from worker.tracing import step, tell, traced

WORDS = "Please take me off your list, says Wilhelmina"


class Collector:
    """Takes what is sent to it, in the protocol of OpenTelemetry over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.octets = b""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.octets += body
                for each in ExportTraceServiceRequest.FromString(body).resource_spans:
                    outer.spans += [span for scope in each.scope_spans for span in scope.spans]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1/traces"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def tree(self) -> set[tuple[str, str]]:
        """Each step with the one it belongs to."""
        names = {span.span_id: span.name for span in self.spans}
        return {(names.get(span.parent_span_id, ""), span.name) for span in self.spans}


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


@pytest.mark.server
def test_a_message_is_followed_from_its_mailbox_to_the_fold(
    dovecot: PrivateDovecot, imap_user: str, tmp_path: Path, sqlite_template: Path, collector: Collector
) -> None:
    copyfile(sqlite_template, tmp_path / "a.sqlite")
    engine = open_engine(f"sqlite:///{tmp_path}/a.sqlite")
    lab, mails = Lab(engine, dovecot, imap_user), recent(3)
    lab.furnish(mails)
    deliver(dovecot, imap_user, mails)
    with traced(Settings(traces_url=collector.url)):
        lab.poll()
    steps = {(above, name) for above, name in collector.tree() if name != "fold"}
    assert steps == {
        ("", "poll"), ("poll", "fetch"), ("poll", "parse"), ("poll", "judge"), ("poll", "write"),
        ("write", "record"), ("write", "match"), ("write", "decide"),
    }  # fmt: skip
    assert ("write", "fold") in collector.tree()
    told = [event for span in collector.spans if span.name == "write" for event in span.events]
    assert len(told) == len(mails)
    assert {each.key for each in told[0].attributes} == {"folder", "uid", "verdict", "detectors"}
    people = {each.to for each in mails} | {each.to.partition("@")[0] for each in mails}
    assert [each for each in people if each.encode() in collector.octets] == []
    engine.dispose()


def test_an_error_is_told_by_its_kind_and_not_by_its_words(collector: Collector) -> None:
    with traced(Settings(traces_url=collector.url)), pytest.raises(ValueError, match=WORDS), step("judge"):
        raise ValueError(WORDS)
    (span,) = collector.spans
    assert [(each.key, each.value.string_value) for each in span.attributes] == [("error.type", "ValueError")]
    assert WORDS.encode() not in collector.octets


def test_a_share_of_nothing_traces_nothing(collector: Collector) -> None:
    with traced(Settings(traces_url=collector.url, traces_share=0)), step("poll"):
        pass
    assert collector.spans == []


def test_without_an_address_nothing_is_loaded_or_sent() -> None:
    with traced(Settings()), step("poll"):
        tell([])
    code = (
        "import sys; from worker.tracing import step, traced; from config.settings import Settings\n"
        "with traced(Settings()), step('poll'): print(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_what_is_not_installed_is_told_with_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(InputError, match=r"inbox-worker\[tracing\]"), traced(Settings(traces_url="http://127.0.0.1:1")):
        pass
