"""Classifiers to explain: networks, their weights, and the features that mask predictors read."""
