import onnxruntime as ort
import pytest
import torch

from helpers.architectures import CASES, classifier
from whyframe_export.fused import FusedClassifier
from whyframe_export.graph import fused_graph
from whyframe_training.predictor.mask_predictor import build_predictor

CONTROLLER = {"name": "ct", "eta": 1.5, "h": 2.5}
QUICK = ("mnist", "one scale")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in CASES]
)
def test_the_graph_of_each_architecture_equals_pytorch_for_any_batch(name: str) -> None:
    case, built = CASES[name], classifier(name)
    predictor = build_predictor(built, {"name": "edge", "widths": [16, 12, 8]}, CONTROLLER, 0.3).eval()
    fused = FusedClassifier(built, predictor)
    session = ort.InferenceSession(fused_graph(fused, case.input, CONTROLLER, None).SerializeToString())
    for count in (1, 3):
        size = (count, case.input.height, case.input.width, case.input.channels)
        frames = torch.randint(256, size, dtype=torch.uint8, generator=torch.Generator().manual_seed(count))
        target = torch.full((count,), 2)
        images = frames.permute(0, 3, 1, 2) / 255
        probabilities, _, saliency = session.run(
            ["probabilities", "class_id", "saliency"], {"frames": frames.numpy(), "target": target.numpy()}
        )
        with torch.no_grad():
            mask = predictor(built(images).stages, target)
        torch.testing.assert_close(
            torch.from_numpy(probabilities), built.own_probabilities(images), atol=1e-5, rtol=0
        )
        torch.testing.assert_close(torch.from_numpy(saliency), mask, atol=1e-5, rtol=1e-4)
