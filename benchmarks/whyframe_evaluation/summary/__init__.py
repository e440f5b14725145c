"""Summaries of an evaluation: the results of each method reduced to means with intervals."""
