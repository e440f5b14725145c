import math
from pathlib import Path

import pytest
import torch

from helpers.tiny_network import CLASSES, SIDE, build
from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.config import TrainConfig
from whyframe_training.data import load_frames, to_images
from whyframe_training.joint import comparison
from whyframe_training.joint.comparison import Pair, measure, measure_all
from whyframe_training.joint.joint_run import train_joint
from whyframe_training.joint.joint_summary import summarise
from whyframe_training.joint.labelled import read_labelled
from whyframe_training.perturb import GaussianBlur
from whyframe_training.predictor.class_activation_map import ClassActivationMap
from whyframe_training.predictor.mask_predictor import MaskPredictor, build_predictor
from whyframe_training.preserving_curve import preserving_curve


@pytest.fixture
def pairs(config: TrainConfig) -> dict[str, Pair]:
    """Return two pairs; the second classifier never predicts its first class."""
    made = {}
    for seed, name in enumerate(("joint", "alone")):
        module = build()
        module.fc.bias.data[0] -= 100 * seed
        classifier = Classifier(
            module, name="tiny", labels=[*"abcde"[:CLASSES]], input=InputSpec.square(SIDE)
        )
        torch.manual_seed(seed)
        made[name] = Pair(
            classifier,
            build_predictor(classifier, config.generator, config.controller, config.cam_weight).eval(),
        )
    return made


def test_each_classifier_answers_for_its_own_prediction_by_three_maps(
    pairs: dict[str, Pair], data: Path
) -> None:
    path = data / "red" / "0.png"
    record = measure(pairs, path)
    image, blur = (
        to_images(load_frames([path], InputSpec.square(SIDE)), torch.device("cpu")),
        GaussianBlur(SIDE),
    )
    for name, other in (("joint", "alone"), ("alone", "joint")):
        own = pairs[name].classifier
        with torch.no_grad():
            logits = own.logits(image)[0]
            target = int(logits.argmax())
            masks = {
                "own": pairs[name].predictor(own(image).stages, torch.tensor([target])),
                "other": pairs[other].predictor(
                    pairs[other].classifier(image).stages, torch.tensor([target])
                ),
                "cam": ClassActivationMap(own)(own(image).stages, torch.tensor([target])),
            }
        assert record[name]["logits"] == pytest.approx(logits.tolist(), abs=1e-5)
        assert set(record[name]["curves"]) == set(masks)
        for source, mask in masks.items():
            curve = preserving_curve(own.probabilities, image[0], mask[0], target, blur)
            assert record[name]["curves"][source] == pytest.approx(curve.tolist(), abs=2e-6)
            assert record[name]["curves"][source][-1] == pytest.approx(
                float(logits.softmax(0).max()), abs=1e-5
            )
    assert record["joint"]["curves"]["own"] != record["joint"]["curves"]["other"]


def test_what_was_measured_is_not_measured_again(
    pairs: dict[str, Pair], data: Path, tmp_path: Path, monkeypatch
) -> None:
    labelled = read_labelled(data)
    some = labelled.among(labelled.paths[5:7])  # blue/5.png and green/0.png
    more = labelled.among(labelled.paths[5:8])
    first = measure_all(pairs, some, tmp_path / "m.jsonl")
    asked = []
    monkeypatch.setattr(comparison, "measure", lambda pairs, path: asked.append(path.name) or {"joint": 1})
    second = measure_all(pairs, more, tmp_path / "m.jsonl")
    assert asked == ["1.png"]
    assert second == [*first, {"file": "green/1.png", "class": 1, "joint": 1}]


def test_a_pair_is_loaded_from_its_run(config: TrainConfig, data: Path, tmp_path: Path) -> None:
    train_joint(config, None, tmp_path / "run")
    pair = Pair.of_run(tmp_path / "run")
    assert pair.classifier.labels == ("blue", "green", "grey", "red", "white")
    assert isinstance(pair.predictor, MaskPredictor)
    assert not pair.predictor.training
    assert torch.equal(pair.predictor.generator.filter.embedding, pair.classifier.head().weight)


def record(
    true: int, joint: tuple[list[float], float, float], alone: tuple[list[float], float, float]
) -> dict:
    """Return a record whose curves reach the end at step 1 (own), half of it (other), or at the last step (cam)."""
    made = {"file": "x", "class": true}
    for name, (logits, blurred, clean) in {"joint": joint, "alone": alone}.items():
        half = (blurred + clean) / 2
        made[name] = {
            "logits": logits,
            "curves": {
                "own": [blurred] + [clean] * 32,
                "other": [blurred] + [half] * 31 + [clean],
                "cam": [blurred] * 32 + [clean],
            },
        }
    return made


RECORDS = [
    record(0, ([2.0, 0.0], 0.1, 0.9), ([2.0, 0.0], 0.2, 0.7)),
    record(0, ([0.0, 1.0], 0.3, 0.7), ([1.0, 0.0], 0.1, 0.5)),
    record(1, ([0.0, 3.0], 0.85, 0.9), ([0.0, 3.0], 0.2, 0.9)),
    record(1, ([0.0, 3.0], 0.1, 0.9), ([3.0, 0.0], 0.1, 0.9)),
]


def test_summary_in_closed_form() -> None:
    result = summarise(RECORDS, ("joint", "alone"))
    assert result["measurable"] == {"joint": 3, "alone": 4, "both": 3, "same prediction": 1}
    assert (result["accuracy"]["joint"]["right"], result["accuracy"]["alone"]["right"]) == (3, 3)
    assert result["differences"]["accuracy"]["mean"] == 0
    assert result["differences"]["accuracy"]["count"] == 4
    losses = [
        math.log1p(math.exp(-2)),
        math.log1p(math.e),
        math.log1p(math.exp(-3)),
        math.log1p(math.exp(-3)),
    ]
    assert result["means"]["joint"]["cross_entropy"] == pytest.approx(sum(losses) / 4)
    assert result["means"]["joint"]["faithfulness"] == pytest.approx(100)
    assert result["means"]["joint"]["faithfulness_cam"] == pytest.approx(100 / 32)
    assert result["means"]["joint"]["clean"] == pytest.approx(100 * (0.9 + 0.7 + 0.9) / 3)
    assert result["means"]["alone"]["blurred"] == pytest.approx(100 * (0.2 + 0.1 + 0.1) / 3)
    assert result["means"]["alone"]["preserved"] == pytest.approx(100 * (0.7 + 0.5 + 0.9) / 3)
    assert result["differences"]["preserved"]["mean"] == pytest.approx(100 * (0.2 + 0.2 + 0.0) / 3)
    assert result["differences"]["faithfulness"]["count"] == 3
    for name in ("joint", "alone"):
        assert result["own_minus"][name]["cam"]["mean"] == pytest.approx(100 - 100 / 32)
        assert result["own_minus"][name]["other"]["mean"] == pytest.approx(100 - (31 * 50 + 100) / 32)
