"""What must not be read by others: encrypted, hashed, signed, or known by another name."""
