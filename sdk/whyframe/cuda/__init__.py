"""CUDA behind one narrow interface: memory, streams, events and graphs, each a thin module. Imports nothing."""
