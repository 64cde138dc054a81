"""Writes what an installation consists of, as CycloneDX: `make sbom`. The same lock file gives the same bytes."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from packageurl import PackageURL

ROOT = Path(__file__).parent.parent
PIN = re.compile(r"^([a-z0-9._-]+)==([^\s;\\]+)", re.IGNORECASE)
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
VERSION = SchemaVersion.V1_6


def bom() -> Bom:
    """Return the bill of materials of what requirements.lock installs beside inbox-worker itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ours = _component(project["name"], project["version"], [], ComponentType.APPLICATION)
    made = Bom(components=list(_components((ROOT / "requirements.lock").read_text())))
    made.metadata.component = ours
    made.register_dependency(ours, made.components)
    return made


def _components(lock: str) -> Iterator[Component]:
    # A pin goes on over the lines that end with a backslash.
    for line in lock.replace("\\\n", " ").splitlines():
        if pin := PIN.match(line):
            yield _component(*pin.groups(), HASH.findall(line))


def _component(name: str, version: str, hashes: list[str], kind: ComponentType = ComponentType.LIBRARY) -> Component:
    purl = PackageURL("pypi", name=name.lower(), version=version)
    # Each file of a release has a hash; which of them is installed is the machine's to choose.
    digests = [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in hashes]
    return Component(
        name=name, version=version, type=kind, purl=purl, bom_ref=str(purl), hashes=digests, licenses=_licences(name)
    )  # fmt: skip


def _licences(name: str) -> list[DisjunctiveLicense | LicenseExpression]:
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return []
    expression = said.get("License-Expression")
    if expression:
        return [LicenseExpression(value=expression)]
    classified = [each.rpartition(" :: ")[2] for each in said.get_all("Classifier", []) if each.startswith("License")]
    return [DisjunctiveLicense(name=each) for each in classified]


def text() -> str:
    """Return the bill as JSON, without the moment it was made and without a number of its own."""
    made = bom()
    written = JsonV1Dot6(made).output_as_string(indent=2)
    kept = [line for line in written.splitlines() if not re.match(r'\s*"(timestamp|serialNumber)":', line)]
    return re.sub(r",(\s*[}\]])", r"\1", "\n".join(kept)) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
