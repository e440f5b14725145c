"""A classifier and its mask predictor, trained at once: the first paper's further work."""
