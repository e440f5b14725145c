"""Video in and out: sources of frames, the pipeline that explains them, and sinks that write them."""
