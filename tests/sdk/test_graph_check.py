from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from helpers import toy
from whyframe import ExplainEngine
from whyframe.errors import ModelError
from whyframe.graph_check import check_graph

IMPORTS = [helper.make_opsetid("", 18), helper.make_opsetid("f", 1)]
COLUMN = np.ones((1 << 15, 1), np.int8)
HUGE = np.array([1 << 20, 1 << 20], np.int64)


def model(nodes, constants=None, functions=()):
    """Return a model with these nodes, whose output is the first output of the last node."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [value("x", TensorProto.FLOAT, [1])],
        [value(nodes[-1].output[0], TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=IMPORTS, functions=list(functions))


def node(op, inputs, output="y", **attributes):
    return helper.make_node(op, inputs, [output], **attributes)


def bomb(levels: int):
    """Return a model of a function that calls ten of the next, and so on."""
    functions = []
    for level in range(levels):
        nodes = [
            node("Abs", ["a"], f"t{i}") if level == 0 else node(f"f{level - 1}", ["a"], f"t{i}", domain="f")
            for i in range(9)
        ]
        nodes.append(node("Sum", [f"t{i}" for i in range(9)], "b"))
        functions.append(
            helper.make_function(
                "f",
                f"f{level}",
                ["a"],
                ["b"],
                nodes,
                IMPORTS,
            )
        )
    return model([node(f"f{levels - 1}", ["x"], domain="f")], functions=functions)


def self_call():
    function = helper.make_function("f", "f0", ["a"], ["b"], [node("f0", ["a"], "b", domain="f")], IMPORTS)
    return model([node("f0", ["x"], domain="f")], functions=[function])


def loop(count):
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [node("Identity", ["more"], "again"), node("Abs", ["a"], "b")],
        "body",
        [
            value("i", TensorProto.INT64, []),
            value("more", TensorProto.BOOL, []),
            value("a", TensorProto.FLOAT, [1]),
        ],
        [value("again", TensorProto.BOOL, []), value("b", TensorProto.FLOAT, [1])],
    )
    constants = {"true": np.array(True)}
    if count is not None:
        constants["count"] = np.int64(count)
    return model([node("Loop", ["" if count is None else "count", "true", "x"], body=body)], constants)


def made(op, inputs, constants, **attributes):
    return model([node(op, inputs, **attributes)], constants)


def doubled():
    names = ["x", *(f"y{i}" for i in range(40))]
    return model([node("Concat", [a, a], b, axis=0) for a, b in pairwise(names)])


def computed():
    """Return a model whose shape is the product of small constants."""
    names = ["n", *(f"n{i}" for i in range(4))]
    nodes = [node("Mul", [a, a], b) for a, b in pairwise(names)]
    return model([*nodes, node("ConstantOfShape", [names[-1]])], {"n": np.array([4], np.int64)})


def external():
    built = model([node("Add", ["x", "w"])], {"w": np.ones(4, np.float32)})
    tensor = built.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    return built


def hollow():
    built = model([node("Add", ["x", "w"])], {"w": np.ones(4, np.float32)})
    built.graph.initializer[0].dims[:] = [1 << 31]
    return built


REFUSED = {
    "function bomb": lambda: bomb(9),
    "function that calls itself": self_call,
    "loop without a count": lambda: loop(None),
    "long loop": lambda: loop(1 << 62),
    "ConstantOfShape": lambda: made("ConstantOfShape", ["c"], {"c": HUGE}),
    "Expand": lambda: made("Expand", ["x", "c"], {"c": HUGE}),
    "Tile": lambda: made("Tile", ["x", "c"], {"c": np.array([1 << 40], np.int64)}),
    "Range": lambda: made(
        "Range", ["a", "b", "c"], {"a": np.int64(0), "b": np.int64(1 << 40), "c": np.int64(1)}
    ),
    "RandomNormal": lambda: made("RandomNormal", [], {}, shape=[1 << 20, 1 << 20]),
    "Resize": lambda: made("Resize", ["x", "", "s"], {"s": np.array([1e12], np.float32)}),
    "Pad": lambda: made("Pad", ["x", "p"], {"p": np.array([0, 1 << 40], np.int64)}),
    "outer product": lambda: made(
        "Mul", ["a", "b"], {"a": np.ones((1 << 15, 1), np.int8), "b": np.ones((1, 1 << 15), np.int8)}
    ),
    "doubled tensor": doubled,
    "computed shape": computed,
    "external data": external,
    "tensor without its values": hollow,
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_graph_without_an_end_or_a_bound_is_refused(kind):
    with pytest.raises(ModelError) as caught:
        check_graph(REFUSED[kind]().SerializeToString(), "m.onnx")
    message = str(caught.value)
    assert message.startswith("m.onnx")
    assert len(message) < 300


@pytest.mark.parametrize(
    "build",
    [
        lambda: bomb(3),
        lambda: loop(100),
        lambda: made("Expand", ["x", "c"], {"c": np.array([64, 64], np.int64)}),
        lambda: made("Tile", ["x", "c"], {"c": np.array([100], np.int64)}),
        lambda: toy.Toy().model(),
    ],
)
def test_usual_graphs_pass(build):
    check_graph(build().SerializeToString(), "m.onnx")


def test_every_part_of_the_file_is_walked():
    """External data and giant constants are found in branches, in functions and in attributes."""
    for part in (external(), made("ConstantOfShape", ["c"], {"c": HUGE})):
        branch = helper.make_graph(part.graph.node, "b", [], part.graph.output, part.graph.initializer)
        inside = model([node("If", ["c"], then_branch=branch, else_branch=branch)], {"c": np.array(True)})
        with pytest.raises(ModelError):
            check_graph(inside.SerializeToString(), "m.onnx")
    weights = external().graph.initializer[0]
    with pytest.raises(ModelError, match="digest does not cover"):
        check_graph(model([node("Constant", [], value=weights)]).SerializeToString(), "m.onnx")
    shape = node("Constant", [], "s", value=numpy_helper.from_array(HUGE))
    nodes = [shape, node("ConstantOfShape", ["s"], "b")]
    function = helper.make_function("f", "f0", ["a"], ["b"], nodes, [helper.make_opsetid("", 18)])
    with pytest.raises(ModelError, match="elements"):
        check_graph(
            model([node("f0", ["x"], domain="f")], functions=[function]).SerializeToString(), "m.onnx"
        )


def test_damaged_bytes_are_refused_and_never_a_traceback(rng):
    content = bytearray(onnx.ModelProto.SerializeToString(loop(5)))
    for _ in range(300):
        changed = bytearray(content)
        changed[int(rng.integers(len(content)))] = int(rng.integers(256))
        try:
            check_graph(bytes(changed), "m.onnx")
        except ModelError as error:
            assert len(str(error).splitlines()) == 1


def test_the_engine_refuses_such_a_file(tmp_path):
    built = toy.Toy().model()
    built.graph.initializer[0].external_data.add(key="location", value="weights.bin")
    built.graph.initializer[0].data_location = TensorProto.EXTERNAL
    toy.Toy().manifest().write(built, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="digest does not cover"):
        ExplainEngine(tmp_path / "m.onnx")
