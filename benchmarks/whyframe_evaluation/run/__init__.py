"""An evaluation: each method on each image, and each metric of each map, resumable."""
