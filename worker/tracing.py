"""Follows mail through its steps (OpenTelemetry), where the settings name somebody who collects traces.

A trace is one poll that brought something; below it lie the steps of the straight line, and what became of each mail.
No address of a person and no word of a mail goes with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Protocol

from classifier.verdict import Verdict
from config.settings import Settings
from worker.errors import InputError


class Told(Protocol):
    """A message of which is told what became of it."""

    @property
    def folder(self) -> str:
        """Where it lies."""

    @property
    def uid(self) -> int:
        """Its number there."""

    @property
    def verdict(self) -> Verdict | None:
        """What it is; None where it could not be judged."""


_TRACER: list[Any] = []
"""What makes spans in this process, while it is `traced`."""


@contextmanager
def step(name: str, **facts: str | int) -> Iterator[None]:
    """Do a step, seen where this process is `traced`; also a decorator of what does the step."""
    if not _TRACER:
        yield
        return
    # An error's own words may be a stranger's: its kind is enough, and the log has the rest.
    quietly = {"record_exception": False, "set_status_on_exception": False}
    with _TRACER[0].start_as_current_span(name, attributes=facts, **quietly) as span:
        try:
            yield
        except Exception as error:
            from opentelemetry.trace import StatusCode  # noqa: PLC0415 - an extra

            span.set_status(StatusCode.ERROR)
            span.set_attribute("error.type", type(error).__name__)
            raise


def tell(messages: Iterable[Told]) -> None:
    """Tell in the step at hand what became of messages."""
    if not _TRACER:
        return
    from opentelemetry.trace import get_current_span  # noqa: PLC0415 - an extra

    span = get_current_span()
    for each in messages:
        verdict = type(each.verdict).__name__ if each.verdict else "set aside"
        detectors = [one.detector for one in each.verdict.evidence] if each.verdict else []
        facts: dict[str, Any] = {"folder": each.folder, "uid": each.uid, "verdict": verdict, "detectors": detectors}
        span.add_event("message", facts)


@contextmanager
def traced(settings: Settings) -> Iterator[None]:
    """Send traces of this process while the block runs, where the settings say to whom; what is left goes at its end.

    Raises:
        InputError: what sends them is not installed.
    """
    if not settings.traces_url:
        yield
        return
    provider = _provider(settings.traces_url, settings.traces_share)
    _TRACER.append(provider.get_tracer("inbox-worker", version("inbox-worker")))
    try:
        yield
    finally:
        _TRACER.clear()
        provider.shutdown()


def _provider(url: str, share: float) -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the same
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - the same
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - the same
        from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio  # noqa: PLC0415 - the same
    except ImportError as error:
        raise InputError(
            "INBOX_TRACES_URL needs what sends traces; run: pip install 'inbox-worker[tracing]', or unset it"
        ) from error
    resource = Resource.create({"service.name": "inbox-worker", "service.version": version("inbox-worker")})
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(share), resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    return provider
