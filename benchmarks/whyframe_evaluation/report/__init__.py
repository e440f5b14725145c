"""Reports of an evaluation: Markdown tables, JSON, and one HTML page with figures."""
