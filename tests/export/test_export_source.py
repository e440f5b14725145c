from pathlib import Path

import pytest

from helpers import tiny_run
from whyframe_export.export_source import cam_source, trained_source
from whyframe_training.classifiers.classifier import ClassifierError, ClassifierSpec
from whyframe_training.config import RunError
from whyframe_training.predictor.generators import default_generator


def test_a_network_without_pooling_and_linear_has_no_cam() -> None:
    with pytest.raises(ClassifierError, match="no class activation map: train"):
        cam_source(ClassifierSpec("vgg19", "random"))


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
