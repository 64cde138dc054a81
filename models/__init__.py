"""The domain: events, statuses and the fold; tables, sessions and migrations."""
