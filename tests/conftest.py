"""Gives every test the fixtures of the databases."""

pytest_plugins = ["tests.databases"]
