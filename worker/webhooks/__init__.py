"""What goes out to other systems: endpoints, signed deliveries, and their order."""
