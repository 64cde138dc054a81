"""The image and compose.yaml say what the product understands, and fit together; they are run by make container."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from config.settings import PREFIX, Settings
from tests.deployed import DOCKERFILE, MANIFESTS, UNITS, longest_stop, parses, served_by_console
from tests.named_tests import ROOT

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = {name: each for name, each in COMPOSE["services"].items() if each["image"] == "inbox-worker"}


def seconds(duration: str) -> int:
    assert re.fullmatch(r"\d+s", duration)
    return int(duration[:-1])


@pytest.mark.parametrize(
    "path", [ROOT / "compose.yaml", ROOT / "Dockerfile", *MANIFESTS, *UNITS], ids=lambda path: path.name
)
def test_every_setting_that_is_named_is_one(path: Path) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(rf"^[^#]*?\b({PREFIX}[A-Z_]+)\b *[:=]", path.read_text(), re.MULTILINE))
    assert {name.removesuffix("_FILE") for name in named} - known <= {f"{PREFIX}CONFIG"}


def test_the_image_sets_nothing_that_would_win_over_a_file_with_a_secret() -> None:
    secrets = {name for name, field in Settings.model_fields.items() if SecretStr in _kinds(field.annotation)}
    assert "database_url" in secrets
    assert {name for name in secrets if f"{PREFIX}{name.upper()}=" in DOCKERFILE} == set()


def _kinds(annotation: Any) -> set[Any]:
    return {annotation, *getattr(annotation, "__args__", ())}


def test_what_builds_the_package_is_pinned_by_what_develops_it() -> None:
    pins = [_pins(ROOT / name) for name in ("requirements-build.lock", "requirements-dev.lock")]
    assert "hatchling" in pins[0]
    assert pins[0].items() <= pins[1].items()


def _pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(.*?)(?=^[\w.-]+==|\Z)", path.read_text(), re.MULTILINE | re.DOTALL))


@pytest.mark.sources
def test_the_build_sees_what_it_copies_and_no_more() -> None:
    *_, wanted = (ROOT / ".dockerignore").read_text().partition("*\n")
    let_in = set(re.findall(r"^!(.+)$", wanted, re.MULTILINE))
    copied = set(" ".join(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)).split())
    assert copied == let_in
    assert [name for name in copied if not (ROOT / name).exists()] == []
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["shared-data"]} <= copied


def test_the_image_runs_and_asks_after_commands_that_there_are() -> None:
    (health_check,) = re.findall(r'^HEALTHCHECK .* CMD \["inbox-worker", "(\w+)"\]$', DOCKERFILE, re.MULTILINE)
    (daemon,) = re.findall(r'^CMD \["(\w+)"\]$', DOCKERFILE, re.MULTILINE)
    assert parses([health_check])
    assert parses([daemon])


def test_compose_follows_the_specification() -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    subprocess.run([program, "--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml"], check=True)


@pytest.mark.parametrize("name", OURS)
def test_every_service_of_ours_runs_a_command_locked_in_and_has_time_to_end(name: str) -> None:
    service = OURS[name]
    assert parses(service["command"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    if service["restart"] != "no":
        assert seconds(service["stop_grace_period"]) > longest_stop(service["command"][0])


def test_no_service_begins_before_the_database_is_migrated() -> None:
    waits = {name: each["depends_on"] for name, each in OURS.items()}
    assert waits.pop("migrate") == {"db": {"condition": "service_healthy"}}
    assert waits
    assert all(each == {"migrate": {"condition": "service_completed_successfully"}} for each in waits.values())


def test_the_health_of_the_console_is_asked_at_a_path_and_port_it_serves() -> None:
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", OURS["console"]["healthcheck"]["test"][-1])
    assert asked
    assert int(asked[1]) == Settings.model_fields["console_port"].default
    assert asked[2] in served_by_console()


def test_secrets_come_as_files_that_are_declared_and_that_git_leaves_out() -> None:
    for name, service in COMPOSE["services"].items():
        files = {value for key, value in service["environment"].items() if key.endswith("_FILE")}
        assert files, name
        assert files <= {f"/run/secrets/{secret}" for secret in service["secrets"]}
        assert set(service["secrets"]) <= COMPOSE["secrets"].keys()
    for secret in COMPOSE["secrets"].values():
        assert subprocess.run(["git", "check-ignore", "-q", secret["file"]], cwd=ROOT, check=False).returncode == 0


def test_nobody_outside_of_this_machine_reaches_the_console_and_nobody_at_all_the_database() -> None:
    ports = {name: each["ports"] for name, each in COMPOSE["services"].items() if "ports" in each}
    assert list(ports) == ["console"]
    assert all(port.startswith("127.0.0.1:") for port in ports["console"])
    assert COMPOSE["services"]["db"]["networks"] == ["database"]
    assert COMPOSE["networks"]["database"]["internal"] is True


def test_sigterm_ends_the_first_process_of_a_container_before_a_daemon_has_begun() -> None:
    # The system hands the first process no signal that it does not handle; here the default would end it by the signal.
    code = """
import os, signal
me, os.getpid = os.getpid(), lambda: 1
from worker import cli
cli.cli.main = lambda **_: os.kill(me, signal.SIGTERM)
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT)
    assert done.returncode == 128 + signal.SIGTERM
