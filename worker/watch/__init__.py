"""Whether all is well: signs of life, numbers for monitoring, and alarms."""
