"""All understanding of a message: pure functions over bytes and text."""
