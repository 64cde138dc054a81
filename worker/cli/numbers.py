"""The numbers that a person may give: none that the database or the calendar does not hold, which would be a bug."""

from __future__ import annotations

import click

ROW_ID = click.IntRange(1, 2**63 - 1)
"""What names a row of a large table (BIGINT)."""
LIMIT = click.IntRange(1, 1_000_000_000)
"""So many rows at most."""
DAYS_BACK = click.IntRange(1, 36_500)
SECONDS_BACK = click.IntRange(1, 2**31 - 1)
PAUSE_DAYS = click.IntRange(1, 3_650)
"""How long a sequence may pause."""
