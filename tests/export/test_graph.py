from pathlib import Path

import onnx

from helpers import tiny_run
from helpers.tiny_network import CLASSES
from whyframe_export.export_source import trained_source
from whyframe_export.fused import FusedClassifier
from whyframe_export.graph import fused_graph


def test_the_graph_keeps_the_contract(tmp_path: Path) -> None:
    tiny_run.untrained(tiny_run.settings(tiny_run.spec(tmp_path)), tmp_path)
    source = trained_source(tmp_path)
    fused = FusedClassifier(source.classifier, source.explainer)
    model = fused_graph(fused, source.manifest.input, source.manifest.controller, batch=None)
    assert model.ir_version <= 10
    assert {o.domain: o.version for o in model.opset_import} == {"": 18, "whyframe": 1}
    assert [f.name for f in model.functions] == ["DistributionController"]
    calls = [n for n in model.graph.node if n.domain == "whyframe"]
    assert [n.output[0] for n in calls] == ["saliency"], "the call survives export"
    assert [i.name for i in model.graph.input] == ["frames", "target"]
    assert [o.name for o in model.graph.output] == ["probabilities", "class_id", "saliency"]
    sizes = sorted(tuple(i.dims) for i in model.graph.initializer)
    assert sizes.count((CLASSES, 20)) == 1, "the embedding is the last layer, stored once"
    first = next(n for n in model.graph.node if "frames" in n.input)
    assert first.op_type == "Cast", "TensorRT-RTX takes no uint8 transpose"
    for node in model.graph.node:
        if node.op_type == "Resize":
            given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if given["mode"] == b"linear":
                assert given["coordinate_transformation_mode"] in (b"half_pixel", b"pytorch_half_pixel")
            assert not given.get("antialias")
