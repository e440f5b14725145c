import onnx
import pytest
from onnx import helper

from whyframe.errors import BackendError
from whyframe.tensorrt.api import TensorRT
from whyframe.tensorrt.build import BuildOptions, build_engine


def with_resize(model: bytes, **attributes: object) -> bytes:
    """Return the model with changed attributes of its last resize, which is named ``the_last_resize``."""
    proto = onnx.load_from_string(model)
    node = [node for node in proto.graph.node if node.op_type == "Resize"][-1]
    node.name = "the_last_resize"
    for name, value in attributes.items():
        kept = [attribute for attribute in node.attribute if attribute.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])
    return proto.SerializeToString()


def test_every_unsupported_node_is_named_with_a_fix(trt: TensorRT, bundled: bytes) -> None:
    model = onnx.load_from_string(with_resize(bundled, antialias=1))
    model.graph.node[-2].op_type, model.graph.node[-2].domain = "Frobnicate", "mine"
    model.opset_import.append(helper.make_opsetid("mine", 1))
    with pytest.raises(BackendError) as caught:
        build_engine(model.SerializeToString(), (1, 1, 1), BuildOptions(), trt)
    message = str(caught.value)
    assert "2 nodes" in message
    assert "'the_last_resize'" in message
    assert "Antialiasing is not supported" in message, "TensorRT's own words"
    assert "resize without antialias" in message
    assert "Frobnicate" in message
    assert "standard ONNX operators" in message
    assert "\n" not in message


def test_unsupported_coordinates_are_named_with_a_fix(trt: TensorRT, bundled: bytes) -> None:
    wrong = with_resize(bundled, coordinate_transformation_mode="half_pixel_symmetric")
    with pytest.raises(
        BackendError, match=r"a node of.*'the_last_resize'.*resize with half_pixel coordinates"
    ):
        build_engine(wrong, (1, 1, 1), BuildOptions(), trt)
