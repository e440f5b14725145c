"""Engines for NVIDIA GPUs: building, keeping and checking them. Imports no TensorRT before it is asked to."""
