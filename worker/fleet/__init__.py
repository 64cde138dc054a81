"""Many workers on one database: who does what, and the jobs they share."""
