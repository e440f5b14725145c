"""Training of mask predictors: classifiers, generators, controllers, losses and metrics (needs PyTorch)."""
