import onnx
import pytest
from onnx import TensorProto, helper

from helpers import toy
from whyframe.errors import ModelError
from whyframe.modelfile import keep_outputs


def test_a_cut_model_has_only_what_its_outputs_need():
    model = toy.Toy().model()
    cut = onnx.load_from_string(keep_outputs(model.SerializeToString(), ["probabilities"]))
    ops = [node.op_type for node in cut.graph.node]
    assert ops == ["Cast", "Transpose", "Mul", "Sub", "AveragePool", "ReduceMean", "MatMul", "Softmax"]
    assert [output.name for output in cut.graph.output] == ["probabilities"]
    assert list(cut.graph.input) == list(model.graph.input)
    onnx.checker.check_model(cut)


def test_nothing_is_cut_when_everything_is_needed():
    content = toy.Toy().model().SerializeToString()
    assert keep_outputs(content, ["probabilities", "class_id", "saliency"]) == content


def test_what_a_branch_reads_from_outside_is_kept():
    def branch(name, tensor):
        value = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])
        return helper.make_graph([helper.make_node("Identity", [tensor], [name])], name, [], [value])

    model = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("Abs", ["x"], ["inner"]),
                helper.make_node("Neg", ["x"], ["unused"]),
                helper.make_node(
                    "If", ["c"], ["y"], then_branch=branch("a", "inner"), else_branch=branch("b", "x")
                ),
            ],
            "branches",
            [
                helper.make_tensor_value_info("x", TensorProto.FLOAT, [1]),
                helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            ],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        )
    )
    cut = onnx.load_from_string(keep_outputs(model.SerializeToString(), ["y"]))
    assert [node.op_type for node in cut.graph.node] == ["Abs", "If"]


def test_other_content_is_refused():
    with pytest.raises(ModelError, match="not an ONNX model"):
        keep_outputs(b"no model", ["probabilities"])
