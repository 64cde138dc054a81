"""What the classifier learns from and which one serves: labels, trials, reports, promotion."""
