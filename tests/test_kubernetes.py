"""The manifests for Kubernetes are ones it knows, and fit together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from config.settings import PREFIX, Settings
from tests.deployed import DEPLOY, DOCKERFILE, MANIFESTS, longest_stop, objects_of, parses, served_by_console
from worker.watch.observed import Observed

VERSIONS = ("1.27", kubernetes_validate.latest_version())
EVERY = [each for path in MANIFESTS for each in objects_of(path)]


def objects(kind: str) -> list[dict[str, Any]]:
    return [each for each in EVERY if each["kind"] == kind]


PODS = {each["metadata"]["name"]: each["spec"]["template"] for kind in ("Deployment", "Job") for each in objects(kind)}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_every_manifest_is_one_that_kubernetes_knows(path: Path, version: str) -> None:
    for each in objects_of(path):
        kubernetes_validate.validate(each, version, strict=True)


def test_all_manifests_but_the_example_of_a_secret_are_applied() -> None:
    applied = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    assert {path.name for path in MANIFESTS} - set(applied) == {"secret.example.yaml"}
    assert set(applied) <= {path.name for path in MANIFESTS}


@pytest.mark.parametrize("name", PODS)
def test_every_pod_keeps_to_the_restricted_standard_and_writes_to_its_volumes_alone(name: str) -> None:
    spec = PODS[name]["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    locked = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert container["securityContext"] == locked
    assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in spec["volumes"]}
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]  # noqa: S108 - the pod's own
    assert container["resources"]["limits"]["memory"]
    assert parses(container["args"])


@pytest.mark.parametrize("name", PODS)
def test_no_service_of_the_cluster_becomes_a_setting(name: str) -> None:
    # Those of a namespace come as variables with their names: INBOX_WORKER_CONSOLE_PORT is an unknown setting.
    assert any(each["metadata"]["name"].upper().startswith(PREFIX.rstrip("_")) for each in objects("Service"))
    assert PODS[name]["spec"]["enableServiceLinks"] is False


def test_what_is_mounted_claimed_and_read_is_there() -> None:
    (secret,), (settings,), (claim,) = objects("Secret"), objects("ConfigMap"), objects("PersistentVolumeClaim")
    files = {value for key, value in settings["data"].items() if key.endswith("_FILE")}
    for pod in PODS.values():
        spec, (container,) = pod["spec"], pod["spec"]["containers"]
        assert container["envFrom"] == [{"configMapRef": {"name": settings["metadata"]["name"]}}]
        mounted = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
        assert {f"{mounted['secrets']}/{key}" for key in secret["stringData"]} == files
        sources = {each["name"]: each for each in spec["volumes"]}
        assert sources["secrets"]["secret"]["secretName"] == secret["metadata"]["name"]
        if "data" in sources:
            assert sources["data"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
            assert mounted["data"] == "/data"


def test_whatever_selects_pods_selects_some() -> None:
    labels = [pod["metadata"]["labels"] for pod in PODS.values()]
    for wanted in _selectors():
        assert any(wanted.items() <= each.items() for each in labels), wanted
    for each in objects("Deployment"):
        assert each["spec"]["selector"]["matchLabels"] == each["spec"]["template"]["metadata"]["labels"]


def _selectors() -> Iterator[dict[str, str]]:
    yield from (each["spec"]["selector"] for each in objects("Service"))
    yield from (each["spec"]["selector"]["matchLabels"] for each in objects("PodDisruptionBudget"))
    yield from (each["spec"]["podSelector"]["matchLabels"] for each in objects("NetworkPolicy"))


def test_probes_ask_what_is_served_and_nothing_is_killed_before_it_may_have_ended() -> None:
    for each in objects("Deployment"):
        spec = each["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        (port,) = container["ports"]
        asked = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
        assert {probe["port"] for probe in asked.values()} == {port["name"]}
        assert [probe["path"] for probe in asked.values()] == ["/healthz", "/healthz", "/readyz"]
        if container["args"] == ["console"]:
            assert {"/healthz", "/readyz"} <= served_by_console()
            assert port["containerPort"] == Settings.model_fields["console_port"].default
        else:
            assert f"{PREFIX}METRICS_PORT={port['containerPort']} " in DOCKERFILE
            annotations = each["spec"]["template"]["metadata"]["annotations"]
            assert annotations["prometheus.io/port"] == str(port["containerPort"])
        assert spec["terminationGracePeriodSeconds"] > longest_stop(container["args"][0])


def test_the_daemon_answers_at_the_paths_that_are_asked() -> None:
    asked = Observed(registry=None, stall=lambda: None, engine=None)  # type: ignore[arg-type] - not asked for these
    assert asked.answer("/healthz", "")[0] == 200
    assert asked.answer("/nothing", "")[0] == 404
