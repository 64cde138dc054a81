"""The sender's own new words, without quoted mail, signatures and footers."""
