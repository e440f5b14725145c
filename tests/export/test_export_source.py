import dataclasses
from pathlib import Path

import pytest

from helpers import tiny_network, tiny_run
from whyframe_export.export_source import trained_source, training_free_source
from whyframe_training.classifiers.classifier import ClassifierError, ClassifierSpec
from whyframe_training.config import RunError
from whyframe_training.predictor.class_activation_map import ClassActivationMap
from whyframe_training.predictor.forward_map import ForwardMap
from whyframe_training.predictor.generators import default_generator


def test_a_network_without_pooling_and_linear_has_no_cam(tmp_path: Path) -> None:
    spec = dataclasses.replace(tiny_run.spec(tmp_path), name=f"{tiny_network.__file__}:build_mixed")
    with pytest.raises(ClassifierError, match="no class activation map: use --explainer forward"):
        training_free_source(spec, "cam")


@pytest.mark.parametrize(
    ("function", "expected"), [("build", ClassActivationMap), ("build_mixed", ForwardMap)]
)
def test_auto_is_the_class_activation_map_where_there_is_one(
    tmp_path: Path, function: str, expected: type
) -> None:
    spec = dataclasses.replace(tiny_run.spec(tmp_path), name=f"{tiny_network.__file__}:{function}")
    source = training_free_source(spec)
    assert isinstance(source.explainer, expected)
    assert source.manifest.explainer == ("cam" if expected is ClassActivationMap else "forward")


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run in"):
        trained_source(tmp_path)


def test_a_run_whose_images_are_gone_has_no_images_for_the_parity_check(tmp_path: Path) -> None:
    config = tiny_run.settings(tiny_run.spec(tmp_path), data="/private/photos")
    tiny_run.untrained(config, tmp_path)
    source = trained_source(tmp_path, resize={"mode": "crop"}, batch=2)
    assert source.images == ()
    assert (source.manifest.input.resize.mode, source.manifest.batch) == ("crop", 2)
    assert source.manifest.digest == ""


@pytest.mark.parametrize("name", ["resnet50", "googlenet", "vgg19"])
@pytest.mark.slow
def test_the_papers_networks_have_masks_of_56_pixels(tmp_path: Path, name: str) -> None:
    config = tiny_run.settings(ClassifierSpec(name, "random"), generator=default_generator(name))
    tiny_run.untrained(config, tmp_path)
    assert trained_source(tmp_path).manifest.mask_side == 56
