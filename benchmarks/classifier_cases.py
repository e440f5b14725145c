"""Classifiers of the table that `classifiers.py` makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ZOO = Path(__file__).with_name("classifier_zoo.py")


@dataclass(frozen=True)
class Case:
    """A classifier of the table.

    Attributes:
        classifier: Value of `--classifier`; a name without a colon is a function of the zoo.
        classes: Number of classes.
        options: Fields of the `ClassifierSpec`.
        alpha: Whether the images need an alpha channel.
    """

    classifier: str
    classes: int = 1000
    options: dict[str, Any] = field(default_factory=dict)
    alpha: bool = False

    @property
    def name(self) -> str:
        """Name in the table."""
        return self.classifier


def source(case: Case) -> str:
    """Return the classifier as `--classifier` takes it."""
    return case.classifier if ":" in case.classifier else f"{ZOO}:{case.classifier}"


def _zoo(function: str, **options: Any) -> Case:
    classes = 1 if function.startswith("single") else 10
    alpha = options.get("channels") == 4
    return Case(function, classes, {"side": 64, "resize": {"interpolation": "bilinear"}, **options}, alpha)


TIMM = (
    "resnet10t", "resnext26ts", "seresnext26t_32x4d", "regnetx_002", "regnety_002", "mobilenetv2_035",
    "mobilenetv3_small_050", "mobilenetv4_conv_small", "efficientnet_b0", "tf_efficientnet_lite0",
    "efficientnetv2_rw_t", "ghostnet_050", "mnasnet_small", "fbnetc_100", "lcnet_035", "hardcorenas_a",
    "repvgg_a0", "mobileone_s0", "fastvit_t8", "efficientvit_b0", "efficientformer_l1", "edgenext_xx_small",
    "convnext_atto", "convnextv2_atto", "mobilevit_xxs", "mobilevitv2_050", "poolformer_s12", "pvt_v2_b0",
    "levit_128s", "vit_tiny_patch16_224", "deit_tiny_patch16_224", "vit_small_patch14_reg4_dinov2",
    "swin_tiny_patch4_window7_224", "maxvit_rmlp_pico_rw_256", "coatnet_pico_rw_224", "xcit_nano_12_p16_224",
    "cait_xxs24_224", "beit_base_patch16_224", "mixer_s32_224", "dla34", "hrnet_w18_small", "vovnet39a",
    "cspresnet50", "darknet53", "densenet121", "inception_v3", "rexnet_100", "tinynet_e", "xception41",
    "nfnet_l0", "dpn48b", "res2net50_26w_4s", "selecsls42", "visformer_tiny",
)  # fmt: skip
TORCHVISION = (
    "alexnet", "squeezenet1_1", "vgg11", "resnet18", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5",
    "mnasnet0_5", "efficientnet_b0", "densenet121", "googlenet", "inception_v3", "regnet_y_400mf",
    "convnext_tiny", "vit_b_16", "swin_t", "maxvit_t",
)  # fmt: skip
CASES = [
    _zoo("cifar", side=32),
    _zoo("mnist", side=28, channels=1),
    _zoo("grey", channels=1),
    _zoo("four_channels", channels=4),
    _zoo("rectangular", side=(224, 320), color="bgr"),
    _zoo(
        "small_cnn",
        side=384,
        resize={"mode": "letterbox", "interpolation": "bilinear", "fill": (114, 114, 114)},
    ),
    _zoo("dilated"),
    _zoo("single_logit"),
    _zoo("single_probability", activation="none"),
    _zoo("multi_label", activation="sigmoid"),
    _zoo("multi_label_probabilities"),
    _zoo("softmax_inside"),
    _zoo("log_softmax_inside"),
    _zoo("dict_outputs"),
    _zoo("map_outputs"),
    _zoo("hf_vit", side=96),
    _zoo("hf_resnet", side=96),
    _zoo("hf_convnext", side=96),
    _zoo("hf_swin", side=112),
    *(Case(f"torchvision:{name}") for name in TORCHVISION),
    *(Case(f"timm:{name}") for name in TIMM),
]
