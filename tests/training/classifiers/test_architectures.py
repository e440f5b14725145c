import pytest
import torch
from torch import nn

from helpers.architectures import CASES, LABELS, Case, classifier, images, spec, timm
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.classifiers.folding import fold_batch_norms
from whyframe_training.classifiers.networks import ClassifierError
from whyframe_training.predictor.mask_predictor import build_predictor

CONTROLLER = {"name": "ct", "eta": 1.5, "h": 2.5}


@pytest.mark.parametrize("name", CASES)
def test_features_and_mask_have_the_sizes_of_the_architecture(name: str) -> None:
    case, built = CASES[name], classifier(name)
    found = [tuple(tap)[1:] for tap in built.taps]
    assert found == case.taps
    features = built(images(case))
    assert [tuple(stage.shape) for stage in features.stages] == [(2, c, h, w) for _, _, h, w, c in case.taps]
    torch.testing.assert_close(features.logits, built.given(images(case)), atol=1e-5, rtol=1e-4)
    for kind in ("edge", "unet"):
        predictor = build_predictor(built, {"name": kind, "widths": [16, 12, 8]}, CONTROLLER).train()
        logit_map = predictor.logit_map(features.stages, torch.tensor([0, 3]))
        assert tuple(logit_map.shape) == (2, *case.mask)
        logit_map.square().sum().backward()
        silent = [key for key, p in predictor.named_parameters() if p.grad is None or not p.grad.abs().any()]
        assert not silent


def test_patch_tokens_are_the_grid_behind_class_and_register_tokens() -> None:
    """By hand: token 5 + 4 i + j is the cell (i, j)."""
    built = classifier("timm vit with registers")
    x = images(CASES["timm vit with registers"])
    own = built.given.eval()
    with torch.no_grad():
        expected = own.forward_features(x)
    last = built(x).stages[-1]
    for i in range(4):
        for j in range(4):
            torch.testing.assert_close(last[:, :, i, j], expected[:, 5 + 4 * i + j])


def test_maps_with_channels_last_are_permuted() -> None:
    built = classifier("swin")
    x = images(CASES["swin"])
    with torch.no_grad():
        expected = built.given.features[:2](x)
    torch.testing.assert_close(built(x).stages[0], expected.permute(0, 3, 1, 2))


class Shuffled(nn.Module):
    """Patch tokens column by column, or with the class token at the end."""

    def __init__(self, by_column: bool) -> None:
        super().__init__()
        self.by_column = by_column
        self.patches, self.mix, self.fc = nn.Conv2d(3, 16, 8, 8), nn.Linear(16, 16), nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x)
        x = (x.transpose(2, 3) if self.by_column else x).flatten(2).transpose(1, 2)
        if not self.by_column:
            x = torch.cat((x, x.mean(dim=1, keepdim=True)), dim=1)
        return self.fc(self.mix(x).mean(dim=1))


@pytest.mark.parametrize("by_column", [True, False])
def test_tokens_in_another_order_are_refused(by_column: bool) -> None:
    with pytest.raises(ClassifierError, match="are not the 8 x 8 patches of the image row by row") as caught:
        Classifier(Shuffled(by_column), name="shuffled", labels=LABELS, input=spec(64))
    assert "\n" not in str(caught.value)


class Cube(nn.Module):
    """A map with as many channels as rows and columns, whose layout its shape does not tell."""

    def __init__(self, channels_last: bool) -> None:
        super().__init__()
        self.conv, self.norm, self.out = nn.Conv2d(3, 8, 8, 8), nn.LayerNorm(8), nn.Identity()
        self.channels_last, self.fc = channels_last, nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(x).permute(0, 2, 3, 1))
        x = self.out(x if self.channels_last else x.permute(0, 3, 1, 2))
        return self.fc(x.mean(dim=(1, 2) if self.channels_last else (2, 3)))


@pytest.mark.parametrize("channels_last", [True, False])
def test_a_layout_that_no_shape_tells_is_found_by_experiment(channels_last: bool) -> None:
    built = Classifier(Cube(channels_last), name="cube", labels=LABELS, input=spec(64), taps=["out"])
    assert built.taps[-1].layout == ("nhwc" if channels_last else "nchw")
    assert built.head() is not None


def test_named_taps_are_ordered_by_size() -> None:
    case = CASES["resnet18 64 x 96"]
    built = Classifier(
        case.build(), name="r", labels=LABELS, input=case.input, taps=["layer4", "conv1", "layer2"]
    )
    assert [tap.name for tap in built.taps] == ["conv1", "layer2", "layer4"]
    predictor = build_predictor(built, {"name": "edge", "widths": [16, 12, 8]}, CONTROLLER)
    assert predictor(built(images(case)).stages, torch.tensor([0, 1])).shape == (2, 32, 48)


@pytest.mark.parametrize(
    ("taps", "message"),
    [
        (["layr4"], "no module 'layr4' .did you mean layer4"),
        (["fc"], "output of module 'fc' is neither a map nor patch tokens"),
        (["layer1"] * 6, "takes one to 5 names of modules, got 6"),
        ([], "takes one to 5 names of modules, got 0"),
    ],
)
def test_wrong_names_of_taps_are_reported(taps: list[str], message: str) -> None:
    case: Case = CASES["resnet18 64 x 96"]
    with pytest.raises(ClassifierError, match=message) as caught:
        Classifier(case.build(), name="r", labels=LABELS, input=case.input, taps=taps)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["resnet26d", "test_nfnet", "test_efficientnet", "test_convnext"])
def test_folding_is_exact_whatever_the_norm_includes(name: str) -> None:
    """timm's norms include activations, and NFNet's convolutions standardise their weights."""
    torch.manual_seed(0)
    network = timm(name)().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.8, 1.2)
    folded = fold_batch_norms(network, spec(64))
    left = [type(m).__name__ for m in folded.modules() if isinstance(m, nn.BatchNorm2d)]
    assert not left
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        own = network(x)
        torch.testing.assert_close(folded(x), own, atol=1e-5 * float(own.abs().max()), rtol=1e-4)


TIMM = {
    "swin_tiny_patch4_window7_224": ("nhwc", 4),
    "mobilevit_xxs": ("nchw", 4),
    "convnext_atto": ("nchw", 4),
    "efficientvit_b0": ("nchw", 4),
    "maxvit_nano_rw_256": ("nchw", 4),
    "vit_tiny_r_s16_p8_224": ("tokens", 4),
    "vit_small_patch14_reg4_dinov2": ("tokens", 3),
    "vit_small_patch16_dinov3": ("tokens", 3),
    "levit_128s": ("tokens", 4),
    "coatnet_nano_rw_224": ("nchw", 4),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TIMM)
def test_families_of_timm(name: str) -> None:
    layout, count = TIMM[name]
    network = timm(name)().eval()
    channels, height, width = network.pretrained_cfg["input_size"]
    built = Classifier(
        network, name=name, labels=LABELS, input=spec(height, width, channels), activation="softmax"
    )
    assert (built.taps[-1].layout, len(built.taps)) == (layout, count)
    predictor = build_predictor(built, {"name": "edge", "widths": [16, 12, 8]}, CONTROLLER)
    with torch.no_grad():
        mask = predictor(built(torch.rand(2, channels, height, width)).stages, torch.tensor([0, 1]))
    assert mask.shape[-1] >= width // 5
