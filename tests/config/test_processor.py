"""Which kernels of OpenBLAS are chosen on which processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.processor import CHOICE, choose_kernels

WIDE = "fpu avx2 avx512f avx512cd avx512bw avx512dq avx512vl"


def cpus(folder: Path, vendor: str, flags: str) -> Path:
    path = folder / "cpuinfo"
    one = f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: {flags}\n"
    path.write_text(f"{one}\n{one}")
    return path


def test_a_processor_of_amd_with_wide_registers_uses_them(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    choose_kernels(environment, cpus(tmp_path, "AuthenticAMD", WIDE))
    assert environment == {CHOICE: "SkylakeX"}


@pytest.mark.parametrize(
    ("vendor", "flags"), [("AuthenticAMD", "fpu avx2"), ("AuthenticAMD", "fpu avx512f"), ("GenuineIntel", WIDE)]
)
def test_every_other_processor_is_left_to_openblas(tmp_path: Path, vendor: str, flags: str) -> None:
    environment: dict[str, str] = {}
    choose_kernels(environment, cpus(tmp_path, vendor, flags))
    assert environment == {}


def test_what_somebody_has_chosen_stands(tmp_path: Path) -> None:
    environment = {CHOICE: "Haswell"}
    choose_kernels(environment, cpus(tmp_path, "AuthenticAMD", WIDE))
    assert environment == {CHOICE: "Haswell"}


def test_a_system_that_does_not_tell_its_processor_is_left_alone(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    choose_kernels(environment, tmp_path / "missing")
    assert environment == {}
