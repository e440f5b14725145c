"""Runtime on a CUDA device: the driver interface, frames on the device, and the pipeline of the TensorRT backend."""
