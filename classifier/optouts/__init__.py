"""Requests to get no more mail."""
