"""One package, so that its tests share one installation, one console and one browser."""
