"""Settings and logging: values in, nothing looked up further down."""
