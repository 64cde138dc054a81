"""What machines answer, and people who are away: automatic answers, absences, calendars."""
