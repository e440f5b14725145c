"""`whyframe evaluate`: methods beside each other on the same pictures, resumable, and a report to read."""
