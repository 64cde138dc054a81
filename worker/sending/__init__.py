"""What the sending side tells us: what was sent, what became of it, and what was booked."""
