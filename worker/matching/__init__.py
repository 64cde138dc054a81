"""Step 4 in parts: what a message says of the send it answers, and what we know of our sends."""
