"""The people and programs that use it: users, teams, how they sign in, and when they work."""
