"""The tests of the benchmarks use the command line, too."""

from tests.worker.conftest import run

__all__ = ["run"]
