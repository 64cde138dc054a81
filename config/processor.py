"""Lets the linear algebra below NumPy use what the processor can."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

CHOICE: Final = "OPENBLAS_CORETYPE"
"""Read by OpenBLAS when it is loaded, so it has to be set before NumPy is imported."""
_KERNELS: Final = "SkylakeX"
_NEEDED: Final = frozenset({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"})
_CPUS: Final = Path("/proc/cpuinfo")


def choose_kernels(environment: MutableMapping[str, str], cpus: Path = _CPUS) -> None:
    """Choose OpenBLAS's kernels for AVX-512 on processors of AMD that have it, unless somebody has chosen.

    OpenBLAS knows processors by their numbers, takes those of AMD that are younger than itself for old ones, and then
    multiplies matrices at half the speed they are capable of.
    """
    try:
        facts = dict(_fact(line) for line in cpus.read_text(encoding="utf-8").partition("\n\n")[0].splitlines())
    except OSError:
        return
    if facts.get("vendor_id") == "AuthenticAMD" and set(facts.get("flags", "").split()) >= _NEEDED:
        environment.setdefault(CHOICE, _KERNELS)


def _fact(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()
