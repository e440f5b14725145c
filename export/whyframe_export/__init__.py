"""From a trained run to one fused ONNX file (needs PyTorch), and conversions of such files."""
