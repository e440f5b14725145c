"""Reports of an evaluation: Markdown tables, a JSON document, and one HTML page with figures."""
