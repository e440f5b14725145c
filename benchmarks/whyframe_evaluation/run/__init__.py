"""Running an evaluation: every method on every image, every metric of every map, resumable."""
