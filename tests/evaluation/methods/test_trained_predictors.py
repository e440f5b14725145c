from pathlib import Path

import pytest
import torch

from helpers.tiny_network import SIDE
from helpers.tiny_run import settings, spec
from whyframe_evaluation.methods import build_method
from whyframe_evaluation.methods.trained_predictors import (
    FusedPredictor,
    PresetPredictor,
    RunPredictor,
    mgnet_ct,
)
from whyframe_training.checkpoint import CHECKPOINT
from whyframe_training.classifiers.classifier import (
    Classifier,
    ClassifierError,
    ClassifierSpec,
    build_classifier,
)
from whyframe_training.config import CONFIG, RunError
from whyframe_training.predictor.controllers import CustomizedTransformer
from whyframe_training.predictor.mask_predictor import MaskPredictor, build_predictor

TARGETS = torch.tensor([3, 1])


@pytest.fixture
def run(tmp_path: Path) -> tuple[Path, Classifier, MaskPredictor]:
    """A run folder of an untrained predictor, its classifier, and the predictor."""
    config = settings(spec(tmp_path))
    config.save(tmp_path / CONFIG)
    classifier = build_classifier(config.classifier)
    predictor = build_predictor(classifier, config.generator, config.controller, config.cam_weight).eval()
    torch.save({"predictor": predictor.state_dict(), "done": {1: 0, 2: 5}}, tmp_path / CHECKPOINT)
    return tmp_path, classifier, predictor


def random_images(side: int) -> torch.Tensor:
    return torch.randint(256, (2, 3, side, side), generator=torch.Generator().manual_seed(0)) / 255


def test_a_run_gives_the_masks_of_its_predictor(run) -> None:
    folder, classifier, predictor = run
    images = random_images(SIDE)
    stages = classifier(images).stages
    with torch.no_grad():
        masks = predictor(stages, TARGETS)
    torch.testing.assert_close(RunPredictor(folder).explain(classifier, images, TARGETS), masks)


def test_a_run_has_the_name_of_its_folder_and_the_version_of_its_weights(run, monkeypatch) -> None:
    folder, _, predictor = run
    monkeypatch.chdir(folder)
    before = build_method(".")
    assert before.name == folder.name
    assert RunPredictor(folder).version == before.version
    torch.save({"predictor": predictor.state_dict(), "done": {1: 0, 2: 6}}, folder / CHECKPOINT)
    assert RunPredictor(folder).version != before.version
    (folder / CHECKPOINT).unlink()
    with pytest.raises(RunError, match="no checkpoint"):
        RunPredictor(folder)


def test_predictors_have_different_versions() -> None:
    versions = [build_method(name).version for name in ("ct", "bt", "mgnet", "predictor")]
    assert len({*versions, ""}) == 5
    assert mgnet_ct().version == versions[2]


def test_a_predictor_refuses_another_classifier(run) -> None:
    folder, classifier, _ = run
    classifier.name = "another"
    for method in (RunPredictor(folder), FusedPredictor()):
        with pytest.raises(ClassifierError, match="not another: choose that classifier"):
            method.explain(classifier, random_images(SIDE), TARGETS)


def test_the_bundled_predictor_gives_the_map_of_its_engine() -> None:
    bundled = FusedPredictor()
    classifier = build_classifier(ClassifierSpec("efficientnet_lite0", weights="random"))
    images, targets = random_images(224), torch.tensor([3, 207])
    maps = bundled.explain(classifier, images, targets)
    frame = (images[1] * 255).round().byte().permute(1, 2, 0).numpy()
    direct = bundled.engine.backend_object.explain(frame[None], targets[1:].numpy())[2]
    torch.testing.assert_close(maps[1:], torch.from_numpy(direct), rtol=1e-3, atol=1e-4)


def test_mgnet_ct_applies_ct_to_the_masks_of_mgnet() -> None:
    classifier = build_classifier(ClassifierSpec("efficientnet_lite0"))
    images, targets = random_images(224), torch.tensor([3, 207])
    masks = PresetPredictor("mgnet").explain(classifier, images, targets)
    after = mgnet_ct().explain(classifier, images, targets)
    torch.testing.assert_close(after, CustomizedTransformer()(masks))
    assert mgnet_ct().name == "mgnet-ct"
