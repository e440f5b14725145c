"""Comparison of what whyframe reports with what a user's own pipeline reports."""
