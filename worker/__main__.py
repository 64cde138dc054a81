"""`python -m worker` is `inbox-worker`."""

from worker.cli import main

# Not in the processes that a backfill starts, which import this, too.
if __name__ == "__main__":
    main()
