"""TensorRT engines: compilation, engine files and their cache. Loading a module does not import TensorRT."""
