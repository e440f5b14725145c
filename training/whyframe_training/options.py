"""Command-line options of `whyframe train`; `whyframe export` and `whyframe evaluate` share those on the classifier."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

_CLASSIFIER, _PREDICTOR, _TRAINING = "Classifier", "Mask predictor", "Training"


class ControllerName(str, Enum):
    """Distribution controllers."""

    ct = "ct"
    bt = "bt"


class GeneratorName(str, Enum):
    """Mask generators."""

    edge = "edge"
    unet = "unet"


class Activation(str, Enum):
    """Functions from a network's outputs to probabilities."""

    auto = "auto"
    softmax = "softmax"
    sigmoid = "sigmoid"
    none = "none"


class Precision(str, Enum):
    """Arithmetic of the training."""

    bf16 = "bf16"
    fp32 = "fp32"


ClassifierOption = Annotated[
    str,
    typer.Option(
        rich_help_panel=_CLASSIFIER,
        help="efficientnet_lite0, _lite1 or _lite2; a network of torchvision such as resnet50; timm:NAME; hf:FOLDER or "
        "hf:OWNER/NAME; my_model.py:build, a function of your own that returns the network; or model.pt2.",
    ),
]
WeightsOption = Annotated[
    str,
    typer.Option(
        rich_help_panel=_CLASSIFIER,
        help="Weights file, .safetensors or written by torch.save, or FILE#PLACE; 'pretrained': the published weights "
        "of a named network, or what your function loads; 'random': random initial weights.",
    ),
]
LabelsOption = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel=_CLASSIFIER,
        help="Labels in class order: text with one per line or lines 'id name', JSON, or CSV.",
        show_default="those that the network states; else ImageNet-1k",
    ),
]
ActivationOption = Annotated[
    Activation,
    typer.Option(
        rich_help_panel=_CLASSIFIER,
        help="Function from the network's outputs to probabilities. softmax: they are logits of exclusive classes. "
        "sigmoid: they are logits of independent labels, or a single logit. none: they are probabilities already. "
        "auto: they are examined on photographs, and what was found is printed; a doubtful case is refused.",
    ),
]

TapsOption = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_CLASSIFIER,
        metavar="NAME,...",
        help="One to five modules of the network whose outputs are the features that explainers read, as "
        "'whyframe inspect' names them; their order does not matter.",
        show_default="found by running the network once",
    ),
]

DataOption = Annotated[
    Path,
    typer.Option(
        help="Folder of images; its sub-folders are searched too. Only --joint needs labels.",
        show_default=False,
    ),
]
RunOption = Annotated[
    Path,
    typer.Option(
        "-o", "--output", help="Run folder. The same command resumes an interrupted run.", show_default=False
    ),
]

PresetOption = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_PREDICTOR,
        help="Predictor of the experiments of Fu et al. (2022): ct, bt, mgnet or an ablation. Sets the controller, the "
        "loss, --controller-jitter 1 and --cam-weight 0.",
    ),
]
ControllerOption = Annotated[
    ControllerName,
    typer.Option(
        rich_help_panel=_PREDICTOR,
        help="Distribution controller: ct (customized) shapes the scores by --eta and --h; bt (basic) keeps the "
        "logits above their mean.",
    ),
]
EtaOption = Annotated[
    float, typer.Option(rich_help_panel=_PREDICTOR, min=1e-3, help="CT: steepness of the transformer.")
]
HOption = Annotated[
    float,
    typer.Option(
        rich_help_panel=_PREDICTOR, min=1e-3, help="CT: skewness; above 1, fewer pixels score high."
    ),
]
GeneratorOption = Annotated[
    GeneratorName | None,
    typer.Option(
        rich_help_panel=_PREDICTOR,
        help="Mask generator: edge is small and fast on CPUs; unet is the generator of Fu et al. (2022).",
        show_default="unet for resnet50, vgg19 and googlenet; else edge",
    ),
]
CamWeightOption = Annotated[
    float,
    typer.Option(
        rich_help_panel=_PREDICTOR,
        min=0,
        help="Weight of the class activation map in the finished mask. With a larger weight the mask covers more of "
        "the object; 0 is the predictor of Fu et al. (2022).",
    ),
]
JitterOption = Annotated[
    float,
    typer.Option(
        rich_help_panel=_PREDICTOR,
        min=1,
        help="CT: range over which eta and h are drawn for each sample, as a factor; 1 keeps them fixed, as in "
        "Fu et al. (2022).",
    ),
]
TrustOption = Annotated[
    bool,
    typer.Option(
        "--trust",
        rich_help_panel=_CLASSIFIER,
        help="Execute the Python file of a run folder that was not written on this machine at this path.",
    ),
]
StartOption = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel=_PREDICTOR,
        help="Run folder whose predictor the training starts from; classifier and generator must be the same.",
    ),
]

EpochsOption = Annotated[
    int,
    typer.Option(
        rich_help_panel=_TRAINING, min=1, help="Passes over the images, each with new random crops."
    ),
]
BatchOption = Annotated[
    int, typer.Option(rich_help_panel=_TRAINING, min=2, help="Number of images per step.")
]
LearningRateOption = Annotated[
    float,
    typer.Option(
        rich_help_panel=_TRAINING,
        min=1e-6,
        help="Initial learning rate of Adam; halved every 3/10 of the run.",
    ),
]
ValidationOption = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=_TRAINING,
        min=1,
        help="Number of images kept out of the training, on which the predictor is measured at the end.",
        show_default="200, at most a quarter of the images",
    ),
]
SeedOption = Annotated[
    int, typer.Option(rich_help_panel=_TRAINING, min=0, help="Seed of every random choice.")
]
PrecisionOption = Annotated[
    Precision,
    typer.Option(
        rich_help_panel=_TRAINING,
        help="Arithmetic. bf16 is several times faster on processors that support it, and slow on others.",
    ),
]
JointOption = Annotated[
    bool,
    typer.Option(
        "--joint",
        rich_help_panel=_TRAINING,
        help="Train a copy of the classifier too, with a new last layer for the classes of your images.",
    ),
]
ClassesOption = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel=_TRAINING,
        help="With --joint: CSV file with the columns file (path below --data) and class. Images that it does not name "
        "are left out.",
        show_default="the sub-folders of --data are the classes",
    ),
]
FormerCamWeightOption = Annotated[float | None, typer.Option("--anchor", min=0, hidden=True)]
FormerJitterOption = Annotated[float | None, typer.Option("--spread", min=1, hidden=True)]
