"""Writes the Grafana dashboard, docs/deploy/grafana/inbox-worker.json: `make picture`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent / "deploy" / "grafana" / "inbox-worker.json"
SOURCE = {"type": "prometheus", "uid": "${source}"}
WIDTH = 24
WELL = {"mode": "absolute", "steps": [{"color": "green", "value": None}]}

Panel = dict[str, Any]


def limits(*steps: tuple[float, str]) -> Panel:
    """Return from which number on a value has which colour; green below."""
    return {"mode": "absolute", "steps": [*WELL["steps"], *({"color": color, "value": at} for at, color in steps)]}


def stat(title: str, query: str, unit: str = "short", thresholds: Panel = WELL, says: str = "") -> Panel:
    """Return a panel of one number."""
    panel = _panel("stat", title, [(query, "")], unit, says)
    panel["fieldConfig"]["defaults"]["thresholds"] = thresholds
    return panel | {"options": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "background"}}


def graph(title: str, *queries: tuple[str, str], unit: str = "short", stacked: bool = False, says: str = "") -> Panel:
    """Return a panel of lines over time: queries with what each is called."""
    panel = _panel("timeseries", title, queries, unit, says)
    custom = {"fillOpacity": 30 if stacked else 5, "stacking": {"mode": "normal" if stacked else "none"}}
    panel["fieldConfig"]["defaults"] |= {"custom": custom, "min": 0}
    return panel


def _panel(kind: str, title: str, queries: Any, unit: str, says: str) -> Panel:
    targets = [
        {"refId": chr(ord("A") + at), "expr": query, "legendFormat": legend, "datasource": SOURCE}
        for at, (query, legend) in enumerate(queries)
    ]
    defaults = {"unit": unit}
    return {
        "type": kind,
        "title": title,
        "description": says,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": []},
    }


def quantile(share: float, metric: str) -> str:
    """Return the query of a quantile over all processes."""
    return f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket[$__rate_interval])))"


def rate(metric: str, by: str) -> str:
    """Return the query of how much a counter grows a second, by a label."""
    return f"sum by ({by}) (rate({metric}[$__rate_interval]))"


ANSWERS = "inbox_worker_review_answers"
CONFIDENCE = "inbox_worker_reply_confidence"
ROWS: list[tuple[int, list[Panel]]] = [
    (
        4,
        [
            stat("Processes", 'sum(up{job="inbox-worker"})', says="that answer"),
            stat("Database", "min(inbox_worker_database_up)", says="1: it answers"),
            stat(
                "Newest poll",
                'min(inbox_worker_poll_age_seconds{which="newest"})',
                "s",
                limits((300, "orange"), (900, "red")),
            ),
            stat(
                "Oldest poll",
                'min(inbox_worker_poll_age_seconds{which="oldest"})',
                "s",
                limits((900, "orange"), (3600, "red")),
            ),
            stat(
                "Stopped or failing",
                'sum(max by (state) (inbox_worker_mailboxes{state=~"stopped|failing"}))',
                thresholds=limits((1, "red")),
            ),
            stat("Set aside", "max(inbox_worker_messages_aside)", thresholds=limits((1, "orange"))),
            stat("Open questions", "sum(max by (kind) (inbox_worker_reviews_open)) or vector(0)"),
            stat("Outbox age", "max(inbox_worker_outbox_age_seconds)", "s", limits((300, "orange"), (1800, "red"))),
        ],
    ),
    (
        8,
        [
            graph(
                "Mail by verdict, a minute",
                ("60 * " + rate("inbox_worker_messages_total", "verdict"), "{{verdict}}"),
                stacked=True,
            ),
            graph(
                "Polls by result, a minute",
                ("60 * " + rate("inbox_worker_polls_total", "result"), "{{result}}"),
                stacked=True,
            ),
            graph(
                "From arrival until written",
                (quantile(0.5, "inbox_worker_message_delay_seconds"), "half within"),
                (quantile(0.95, "inbox_worker_message_delay_seconds"), "95 % within"),
                unit="s",
            ),
        ],
    ),
    (
        8,
        [
            graph("Mailboxes", ("max by (state) (inbox_worker_mailboxes)", "{{state}}"), stacked=True),
            graph(
                "What waits",
                ("sum(inbox_worker_polls_queued)", "due mailboxes"),
                ("max(inbox_worker_backlog_messages)", "messages"),
                ("max(inbox_worker_requests_waiting)", "requests"),
                ("max(inbox_worker_outbox_waiting)", "events to dispatch"),
                ("max(inbox_worker_deliveries_pending)", "deliveries"),
            ),
            graph("Open questions", ("max by (kind) (inbox_worker_reviews_open)", "{{kind}}"), stacked=True),
        ],
    ),
    (
        8,
        [
            graph(
                "People agree with the classifier",
                (f'max({ANSWERS}{{agreed="true"}}) / sum(max by (agreed) ({ANSWERS}))', "share"),
                unit="percentunit",
                says="on replies drawn at random since it serves",
            ),
            graph(
                "Confidence in replies",
                (
                    f"{rate(CONFIDENCE + '_sum', 'reply_class')} / {rate(CONFIDENCE + '_count', 'reply_class')}",
                    "{{reply_class}}",
                ),
                unit="percentunit",
                says="the mean, by the class that was given",
            ),
            graph("Open alarms", ("max by (kind) (inbox_worker_alarms_open)", "{{kind}}"), stacked=True),
        ],
    ),
    (
        8,
        [
            graph(
                "How long polls take",
                (quantile(0.5, "inbox_worker_poll_seconds"), "half within"),
                (quantile(0.95, "inbox_worker_poll_seconds"), "95 % within"),
                unit="s",
            ),
            graph("Memory", ('process_resident_memory_bytes{job="inbox-worker"}', "{{instance}}"), unit="bytes"),
            graph("CPUs", ('rate(process_cpu_seconds_total{job="inbox-worker"}[$__rate_interval])', "{{instance}}")),
        ],
    ),
]


def dashboard() -> Panel:
    """Return the dashboard as Grafana imports it."""
    panels: list[Panel] = []
    top = 0
    for height, row in ROWS:
        width = WIDTH // len(row)
        for at, panel in enumerate(row):
            place = {"gridPos": {"x": at * width, "y": top, "w": width, "h": height}, "id": len(panels) + 1}
            panels.append(panel | place)
        top += height
    source = {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    return {
        "title": "inbox-worker",
        "uid": "inbox-worker",
        "tags": ["inbox-worker"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    }


def text() -> str:
    """Return the dashboard's file."""
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text())
