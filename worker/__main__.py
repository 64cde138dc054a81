"""`python -m worker` is `inbox-worker`."""

from worker.cli import main

main()
