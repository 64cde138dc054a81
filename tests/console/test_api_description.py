"""The API does what its description says, whatever is asked (schemathesis), and the description says enough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from models.session import open_engine, transaction
from models.tables import Team
from tests.console.conftest import OURS, THEIRS, Console
from tests.worker.small_world import furnish, send_all
from worker.api_tokens import SCOPES
from worker.vault import new_key

OPERATIONS = [
    "GET /healthz",
    "POST /webhooks/calendly/{team}",
    "POST /v1/campaigns",
    "POST /v1/recipients",
    "POST /v1/events",
    "POST /v1/suppressions/check",
    "GET /v1/recipients",
    "GET /v1/recipients/{recipient_id}",
    "POST /v1/recipients/{recipient_id}/status",
    "POST /v1/recipients/{recipient_id}/undo",
    "POST /v1/recipients/bulk/preview",
    "POST /v1/recipients/bulk",
    "GET /v1/bulk-acts",
    "POST /v1/bulk-acts/{bulk_id}/undo",
    "GET /v1/contacts",
    "GET /v1/contacts/{address}",
    "POST /v1/contacts/{address}/same-person",
    "GET /v1/messages",
    "GET /v1/messages/{message_id}",
    "GET /v1/reviews",
    "GET /v1/reviews/{review_id}",
    "POST /v1/reviews/{review_id}/resolve",
    "POST /v1/reviews/{review_id}/undo",
    "GET /v1/automations",
    "POST /v1/automations",
    "POST /v1/automations/remove",
    "POST /v1/automations/try",
    "GET /v1/webhooks",
    "POST /v1/webhooks",
    "POST /v1/webhooks/{endpoint_id}/pause",
    "POST /v1/webhooks/{endpoint_id}/resume",
    "POST /v1/webhooks/{endpoint_id}/test",
    "POST /v1/webhooks/{endpoint_id}/remove",
    "GET /v1/webhooks/{endpoint_id}/deliveries",
    "POST /v1/webhooks/{endpoint_id}/replay",
    "GET /v1/mailboxes",
    "POST /v1/mailboxes",
    "GET /v1/mailboxes/{mailbox_id}",
    "POST /v1/mailboxes/{mailbox_id}",
    "POST /v1/mailboxes/{mailbox_id}/pause",
    "POST /v1/mailboxes/{mailbox_id}/resume",
    "GET /v1/mailboxes/{mailbox_id}/requests",
    "POST /v1/mailboxes/{mailbox_id}/requests",
    "GET /v1/requests/{request_id}",
    "POST /v1/requests/{request_id}/stop",
    "GET /v1/mailboxes/{mailbox_id}/aside",
    "POST /v1/messages/{message_id}/retry",
    "POST /v1/mailboxes/{mailbox_id}/remove",
    "GET /v1/artifacts",
    "GET /v1/artifacts/{version}",
    "POST /v1/artifacts/{version}/promote",
    "POST /v1/artifacts/rollback",
    "GET /v1/promotions",
    "GET /v1/labels",
    "GET /v1/labels/statistics",
    "GET /v1/labels/doubtful",
    "GET /v1/labels/{label_id}",
    "POST /v1/labels/{label_id}",
    "POST /v1/labels/{label_id}/drop",
]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def console(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    path = tmp_path_factory.mktemp("description") / "test.sqlite"
    copyfile(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    furnish(engine)
    with transaction(engine) as session:
        session.add(Team(id=THEIRS, name="theirs"))
    send_all(engine)
    made = Console(engine)
    made.settings["secret_keys"] = new_key()
    yield made
    engine.dispose()


@pytest.fixture(scope="module")
def token(console: Console) -> str:
    return console.token(OURS, scopes=SCOPES)


@pytest.fixture(scope="module")
def api(console: Console) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", console.app)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_is_asked_the_answer_is_a_described_one(
    api: Any, token: str, operation: str, mode: GenerationMode
) -> None:
    method, path = operation.split()
    if path == "/healthz" and mode is GenerationMode.NEGATIVE:
        return  # It takes nothing that could be wrong.

    @given(case=api[path][method].as_strategy(generation_mode=mode))
    @settings(
        # A rule is a tree, and making one up takes a hundred times as long as anything else.
        max_examples=8 if method == "POST" and "automations" in path else 40,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {token}"})

    ask()


def test_every_request_and_failure_is_described(console: Console) -> None:
    described = console.ask("GET", "/openapi.json").json()
    said = {f"{method.upper()} {path}" for path, methods in described["paths"].items() for method in methods}
    assert said == set(OPERATIONS)
    assert "HTTPValidationError" not in str(described)
    for path, methods in described["paths"].items():
        for operation in methods.values():
            assert operation["description"], path
            assert "503" in operation["responses"], path
            if path.startswith("/v1/"):
                known = {"200", "400", "401", "409", "413", "422", "503"}
                assert set(operation["responses"]) == known | ({"404"} if path == "/v1/recipients" else set())
                assert operation["security"]
    assert described["components"]["schemas"]["SentRow"]["properties"]["send_id"]["anyOf"][0]["examples"]
