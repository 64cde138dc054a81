"""Steps 5 and 6 in parts: the rows that messages and events cause, all of them in one transaction."""
