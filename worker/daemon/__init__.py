"""What a daemon does round after round: whom it polls next, over which connection, and what else is due."""
