"""Video input and output: sources of frames, the pipeline that explains them, and sinks that write the result."""
