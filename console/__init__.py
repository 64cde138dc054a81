"""HTTP for people and for other systems; every change goes through the use cases in `worker`."""
