"""The API does what its description says, whatever is asked (schemathesis), and the description says enough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from console import calendly, sending
from console.app import API
from models.session import open_engine, transaction
from models.tables.people import Team
from tests.console.conftest import OURS, THEIRS, Console
from tests.worker.small_world import furnish, send_all
from worker.people.api_tokens import SCOPES
from worker.secrets.vault import new_key

OPERATIONS = [
    "GET /healthz",
    "GET /readyz",
    *(
        f"{method} {route.path_format}"
        for module in (calendly, sending, *API)
        for route in module.router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods)
    ),
]
MANY = ("/webhooks/calendly", "/v1/campaigns", "/v1/events", "/v1/suppressions")
"""What strangers and the sending side ask is tried more often than what people's own programs do."""
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
    if path in {"/healthz", "/readyz"} and mode is GenerationMode.NEGATIVE:
        return  # It takes nothing that could be wrong.

    @given(case=api[path][method].as_strategy(generation_mode=mode))
    @settings(
        # A rule is a tree, and making one up takes a hundred times as long as anything else.
        max_examples=25 if path.startswith(MANY) else 2 if "automations" in path else 4,
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
    assert len(said) == len(OPERATIONS)
    assert "HTTPValidationError" not in str(described)
    for path, methods in described["paths"].items():
        for operation in methods.values():
            assert operation["description"], path
            # That it runs is all that /healthz says; whatever else is asked needs the database.
            assert ("503" in operation["responses"]) == (path != "/healthz"), path
            if path.startswith("/v1/"):
                known = {"200", "400", "401", "403", "409", "413", "422", "503"}
                assert known <= set(operation["responses"]) <= known | {"404"}
                assert operation["security"]
    assert described["components"]["schemas"]["SentRow"]["properties"]["send_id"]["anyOf"][0]["examples"]


def test_every_schema_has_a_name_of_its_own_that_says_nothing_of_our_modules(console: Console) -> None:
    schemas = console.ask("GET", "/openapi.json").json()["components"]["schemas"]
    assert {"StoryEntry", "Entry", "RulesRequest", "EndpointRequest", "Done"} <= set(schemas)
    assert [name for name in schemas if "__" in name] == []
