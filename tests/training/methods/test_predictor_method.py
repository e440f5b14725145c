import dataclasses
from pathlib import Path

import pytest
import torch
from tiny_network import CLASSES, SIDE

from whyframe_training.checkpoint import CHECKPOINT, CONFIG
from whyframe_training.classifiers import Classifier, ClassifierError, ClassifierSpec, build_classifier
from whyframe_training.config import TrainConfig
from whyframe_training.controllers import BasicTransformer
from whyframe_training.methods.predictor import Predictor, ShippedPredictor, shipped_bt, shipped_ct
from whyframe_training.predictor import MaskPredictor, build_predictor

TINY = f"{Path(__file__).parents[2] / 'tiny_network.py'}:build"
TARGETS = torch.tensor([3, 1])


@pytest.fixture
def run(tmp_path: Path) -> tuple[Path, Classifier, MaskPredictor]:
    """A run folder of an untrained predictor, its classifier, and the predictor."""
    (tmp_path / "labels.txt").write_text("\n".join(f"class {i}" for i in range(CLASSES)))
    spec = ClassifierSpec(TINY, "random", str(tmp_path / "labels.txt"), side=SIDE)
    config = TrainConfig(spec, {"name": "edge", "widths": [8, 8, 8]})
    config.save(tmp_path / CONFIG)
    classifier = build_classifier(spec)
    predictor = build_predictor(config, classifier).eval()
    torch.save({"predictor": predictor.state_dict(), "done": {1: 0, 2: 5}}, tmp_path / CHECKPOINT)
    return tmp_path, classifier, predictor


def pictures(side: int) -> torch.Tensor:
    return torch.randint(256, (2, 3, side, side), generator=torch.Generator().manual_seed(0)) / 255


def test_a_runs_predictor_gives_its_masks_and_takes_another_controller(run) -> None:
    folder, classifier, predictor = run
    images = pictures(SIDE)
    stages = classifier(images).stages
    with torch.no_grad():
        ct, logits = predictor(stages, TARGETS), predictor.logit_map(stages, TARGETS)
    torch.testing.assert_close(Predictor(folder).explain(classifier, images, TARGETS), ct)
    bt = Predictor(folder, BasicTransformer())
    assert bt.title == "Mask predictor (BT)"
    torch.testing.assert_close(bt.explain(classifier, images, TARGETS), BasicTransformer()(logits))


def test_a_predictor_explains_only_the_classifier_it_was_trained_for(run) -> None:
    folder, classifier, _ = run
    classifier.name = "another"
    for method in (Predictor(folder), ShippedPredictor()):
        with pytest.raises(ClassifierError, match="not another: choose that classifier"):
            method.explain(classifier, pictures(SIDE), TARGETS)


def test_the_shipped_predictor_gives_what_its_users_get() -> None:
    ct, bt = shipped_ct(), shipped_bt()
    classifier = build_classifier(ClassifierSpec("efficientnet_lite0", weights="random"))
    images, targets = pictures(224), torch.tensor([3, 207])
    maps = ct.explain(classifier, images, targets)
    frame = (images[1] * 255).round().byte().permute(1, 2, 0).numpy()
    direct = ct.engine.runtime.explain(frame[None], targets[1:].numpy())[2]
    torch.testing.assert_close(maps[1:], torch.from_numpy(direct), rtol=1e-3, atol=1e-4)
    rectified = bt.explain(classifier, images, targets)
    assert float(rectified.min()) == 0
    assert float(rectified.max()) == 1
    order = maps.flatten(1).argsort(dim=1)
    ranked = rectified.flatten(1).gather(1, order)
    assert bool((ranked.diff(dim=1) >= -1e-5).all())


def test_ct_undone_is_the_normalised_logit_map() -> None:
    method = ShippedPredictor("bt")
    method.__dict__["engine"] = dataclasses.make_dataclass("Engine", ["manifest"])(
        dataclasses.make_dataclass("Manifest", ["controller"])({"name": "ct", "eta": 1.5, "h": 2.5})
    )
    normal = torch.linspace(-4, 4, 50).view(1, 5, 10)
    torch.testing.assert_close(
        method._normalised(torch.sigmoid(1.5 * normal) ** 2.5), normal, rtol=1e-3, atol=1e-3
    )
