import copy
import re
import urllib.error
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

from whyframe_training.classifiers.classifier import build_classifier
from whyframe_training.classifiers.networks import (
    ClassifierError,
    ClassifierSpec,
    build_network,
    network_names,
)

LITE = ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"]


def noise(side: int) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))


def published(name: str) -> dict[str, Tensor]:
    """A state dict as torchvision's files have it: with auxiliary branches; DenseNet's with its old names."""
    branched = name in ("googlenet", "inception_v3")
    torch.manual_seed(0)
    network = torchvision.models.get_model(
        name, weights=None, **({"init_weights": False} if branched else {})
    )
    state = network.state_dict()
    for key in state:
        if branched and key.endswith("running_var"):
            state[key].fill_(1 / 6)  # what the layers before lose, so that the input shows in the logits
    if not name.startswith("densenet"):
        return state
    old = {
        re.sub(r"(denselayer\d+\.)(norm|conv)([12])", r"\1\2.\3", key): value for key, value in state.items()
    }
    return {key: value for key, value in old.items() if not key.endswith("num_batches_tracked")}


def test_names_are_those_of_lite_and_of_torchvisions_classifiers() -> None:
    names = network_names()
    assert names[:3] == LITE
    assert {"resnet50", "vgg19", "googlenet", "convnext_tiny", "regnet_y_128gf", "maxvit_t", "swin_t"} <= set(
        names
    )
    assert not [name for name in names if name.startswith(("fcn", "raft", "quantized"))]


@pytest.mark.parametrize(
    ("name", "side", "mean", "std"),
    [
        ("inception_v3", 299, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("efficientnet_v2_l", 480, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ("efficientnet_b1", 240, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("efficientnet_lite2", 260, (127 / 255,) * 3, (128 / 255,) * 3),
    ],
)
def test_a_network_has_the_preprocessing_of_its_default_weights(
    name: str, side: int, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    with torch.device("meta"):
        network = build_network(ClassifierSpec(name, "random"), 1000)
    assert (network.input.shape, network.input.mean, network.input.std) == ((side, side, 3), mean, std)


@pytest.mark.parametrize("name", LITE)
def test_lite_has_its_real_weights(name: str) -> None:
    data = pytest.importorskip("skimage").data
    classifier = build_classifier(ClassifierSpec(name))
    assert classifier.head() is not None
    predicted = {}
    for name in ("coffee", "chelsea", "camera"):
        pixels = torch.from_numpy(getattr(data, name)().copy())
        image = pixels.expand(3, -1, -1) if pixels.ndim == 2 else pixels.permute(2, 0, 1)
        image = nn.functional.interpolate(
            image[None].float() / 255, (classifier.side,) * 2, mode="bilinear", antialias=True
        )
        probability, class_id = classifier.logits(image).softmax(1)[0].max(0)
        predicted[name] = classifier.labels[int(class_id)]
        assert probability > 0.5, predicted
    assert predicted == {"coffee": "espresso", "chelsea": "Egyptian cat", "camera": "tripod"}


def test_lite_takes_another_side() -> None:
    """Its padding is computed from the side: at 224 the network for 240 would give other sizes."""
    spec = ClassifierSpec("efficientnet_lite1", "random", side=161)
    stages = build_classifier(spec)(noise(161)).stages
    assert [stage.shape[-1] for stage in stages] == [41, 21, 11, 6]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("resnet5", "did you mean resnet50"),
        ("RESNET50", "did you mean resnet50"),
        ("EfficientNet-Lite1", "did you mean efficientnet_lite1"),
        ("efficientnet_lite3", "efficientnet_lite"),
        ("raft_large", "a classifier of torchvision.models"),
    ],
)
def test_an_unknown_name_is_offered_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ClassifierError, match=f"unknown classifier '{name}'.*{near}") as caught:
        build_network(ClassifierSpec(name), 1000)
    assert "\n" not in str(caught.value)


def test_without_a_network_the_error_names_the_file_and_how_to_pass_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_args: Any, **_kwargs: Any) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "urlopen", unreachable)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(ClassifierError, match=r"cannot be downloaded .*not known") as caught:
        build_network(ClassifierSpec("squeezenet1_1"), 1000)
    message = str(caught.value)
    assert "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth" in message
    assert "--weights FILE" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("googlenet", "pretrained"),
        ("googlenet", "file"),
        ("inception_v3", "file"),
        ("densenet121", "pretrained"),
        ("densenet121", "file"),
        ("mnasnet0_5", "pretrained"),
        ("mnasnet0_5", "file"),
    ],
)
def test_torchvisions_own_weights_give_torchvisions_own_network(
    name: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Auxiliary branches, the input's transformation and DenseNet's old names, from the file that users download."""
    state = published(name)
    monkeypatch.setattr(
        "torchvision.models._api.load_state_dict_from_url", lambda *_args, **_kwargs: copy.copy(state)
    )
    expected = torchvision.models.get_model(name, weights="DEFAULT").eval()
    spec = ClassifierSpec(name)
    if way == "file":
        torch.save(state, tmp_path / "downloaded.pth")
        spec = ClassifierSpec(name, str(tmp_path / "downloaded.pth"))
    classifier = build_classifier(spec, fold=False)
    x = noise(96)
    with torch.no_grad():
        torch.testing.assert_close(classifier.module(x), expected(x))
