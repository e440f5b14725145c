import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from whyframe_evaluation.methods import GROUPS, METHODS, build_method
from whyframe_training import presets
from whyframe_training.classifiers.classifier import (
    Classifier,
    ClassifierError,
    ClassifierSpec,
    build_classifier,
)
from whyframe_training.config import TrainConfig
from whyframe_training.predictor.mask_predictor import build_predictor
from whyframe_training.presets import (
    PRESETS,
    PresetError,
    find_preset,
    load_preset,
    preset_config,
    save_decoder,
)

FOLDER = Path(presets.__file__).parent / presets.WEIGHTS


@pytest.fixture(scope="module")
def lite0() -> Classifier:
    return build_classifier(ClassifierSpec("efficientnet_lite0"))


def images() -> torch.Tensor:
    return torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_weights_whose_header_states_their_training(name: str, lite0: Classifier) -> None:
    path = FOLDER / f"{name}.safetensors"
    with safe_open(path, "pt") as file:
        facts = json.loads(file.metadata()["training"])
    assert facts["controller"] == dict(PRESETS[name].controller)
    assert facts["objective"] == PRESETS[name].objective.__dict__
    assert facts["crops"] == pytest.approx(1500 * PRESETS[name].epochs, abs=16)
    assert path.stat().st_size < 300_000
    with torch.no_grad():
        masks = load_preset(name, lite0)(lite0(images()).stages, torch.tensor([3, 207]))
    assert masks.shape == (2, 56, 56)
    assert 0 <= float(masks.min()) <= float(masks.max()) <= 1
    assert float(masks.std()) > 1e-3


def test_a_decoder_survives_its_file_but_for_half_precision(
    lite0: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = preset_config("bt", "")
    predictor = build_predictor(lite0, config.generator, config.controller).eval()
    (tmp_path / "bt").mkdir()
    monkeypatch.setattr(presets.resources, "files", lambda _: tmp_path)
    (tmp_path / presets.WEIGHTS).mkdir()
    save_decoder(predictor, {"crops": 1}, tmp_path / presets.WEIGHTS / "bt.safetensors")
    again = load_preset("bt", lite0)
    for key, value in predictor.state_dict().items():
        torch.testing.assert_close(again.state_dict()[key], value, rtol=1e-3, atol=1e-4)
    assert torch.equal(again.generator.filter.embedding, predictor.generator.filter.embedding)
    with pytest.raises(PresetError, match="no weights of preset mgnet are installed"):
        load_preset("mgnet", lite0)


def test_a_preset_leaves_the_rest_of_a_run_as_it_was() -> None:
    config = TrainConfig(ClassifierSpec("resnet50"), {"name": "unet", "widths": [256, 128, 64]}, epochs=7)
    mgnet = find_preset("mgnet").apply(config)
    assert mgnet.controller == {"name": "sigmoid"}
    assert mgnet.objective == presets.MGNET
    assert (mgnet.cam_weight, mgnet.controller_jitter) == (0, 1)
    kept = replace(
        mgnet,
        controller=config.controller,
        objective=config.objective,
        cam_weight=config.cam_weight,
        controller_jitter=config.controller_jitter,
    )
    assert kept == config


def test_the_objective_survives_the_settings_file(tmp_path: Path) -> None:
    config = preset_config("mgnet-no-tv", "photos")
    config.save(tmp_path / "config.json")
    assert TrainConfig.load(tmp_path / "config.json") == config
    older = json.loads((tmp_path / "config.json").read_text())
    del older["objective"]
    (tmp_path / "config.json").write_text(json.dumps(older))
    assert TrainConfig.load(tmp_path / "config.json").objective == presets.Objective()


def test_the_papers_lists_of_ablations() -> None:
    """Fu et al. 2022, section 4.4: ablations of MGnet and of CT, and lambda_av 2 to 12 with and without lambda_bg."""

    def weights(name: str) -> tuple[float, float, float]:
        objective = PRESETS[name].objective
        return objective.area, objective.background, objective.smoothness

    av, bg, tv = weights("mgnet")
    listed = [weights(name) for name in GROUPS["mgnet-regularisers"]]
    assert listed == [(av, bg, tv), (0, bg, tv), (av, 0, tv), (av, bg, 0), (av, 0, 0)]
    listed = [weights(name) for name in GROUPS["ct-regularisers"]]
    assert listed == [(av, bg, tv), (0, bg, tv), (0, 0, tv), (0, bg, 0), (0, 0, 0)]
    swept = [weights(name) for name in GROUPS["lambda-av"]]
    assert swept == [(v, b, tv) for b in (bg, 0) for v in (2, 4, 8, 12)]


def test_every_method_of_a_figure_can_be_built() -> None:
    for group in GROUPS.values():
        for name in group:
            assert build_method(name).name == name
            assert name in METHODS or name in PRESETS


def test_an_unknown_preset_and_another_classifier_are_refused(lite0: Classifier) -> None:
    with pytest.raises(PresetError, match="no preset 'mgnett': choose ct, bt"):
        find_preset("mgnett")
    other = build_classifier(ClassifierSpec("efficientnet_lite0", weights="random"))
    other.name = "resnet50"
    with pytest.raises(ClassifierError, match="--preset mgnet"):
        load_preset("mgnet", other)
