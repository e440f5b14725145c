"""Accuracy and faithfulness of a classifier that is trained together with its mask predictor.

    python benchmarks/joint.py DATA -o benchmarks/results/joint --runs FOLDER

DATA holds photographs and `labels.csv` with the columns `file` and `class_id` (ImageNet-1k); the classes are
superclasses of these. Two classifiers start from the same pretrained network with the same new last layer, and are
trained on the same crops in the same steps:

- joint: together with its mask predictor (`whyframe train --joint`);
- alone: on the labels only. Then a mask predictor is trained on the finished classifier, for as many steps on the same
  crops.

Both are measured on the same held-out photographs. After an interruption, the same command continues. Writes NAME.json,
with every raw value, and NAME.md.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from script_output import argument_parser, markdown_table, write_results
from whyframe.files import atomic_write, json_text
from whyframe.perturb import MINIMUM_DROP
from whyframe_training.classifiers.networks import ClassifierSpec
from whyframe_training.config import TrainConfig
from whyframe_training.joint.comparison import Pair, Record, measure_all
from whyframe_training.joint.joint_run import prepare
from whyframe_training.joint.joint_summary import summarise
from whyframe_training.joint.joint_trainer import JointTrainer
from whyframe_training.joint.labelled import Labelled, read_labelled, split_labelled
from whyframe_training.trainer import Trainer
from whyframe_training.training_run import open_run, train_steps

SUPERCLASSES: dict[str, set[int]] = {
    "bird": {*range(7, 25), *range(80, 101), *range(127, 147)},
    "building": {
        425, 437, 442, 449, 483, 497, 498, 500, 538, 580, 624, 634, 663, 668, 682, 698, 727, 743, 762, 832, 853, 858,
        873, 884, 900, 915,
    },
    "dog": {*range(151, 269)},
    "food": {*range(924, 958), *range(959, 968), 969, 987},
    "insect or spider": {*range(70, 80), *range(300, 327)},
    "other mammal": {*range(101, 107), *range(147, 151), *range(269, 300), *range(330, 389)},
    "reptile or amphibian": {*range(25, 69)},
    "vehicle": {
        403, 404, 405, 407, 408, 436, 444, 450, 466, 468, 472, 484, 510, 511, 547, 554, 555, 561, 565, 569, 573, 575,
        576, 586, 595, 603, 609, 612, 625, 627, 628, 654, 656, 661, 665, 670, 671, 675, 705, 717, 724, 734, 751, 779,
        780, 802, 803, 812, 814, 817, 820, 829, 833, 847, 856, 864, 866, 867, 870, 871, 874, 880, 895, 914,
    },
}  # fmt: skip
"""By superclass, the class ids of ImageNet-1k that belong to it."""

PAIRS = ("joint", "alone")

TITLES = {
    "accuracy": "accuracy, %",
    "cross_entropy": "cross-entropy, nats",
    "faithfulness": "MF, own predictor",
    "faithfulness_cam": "MF, class activation map",
    "preserved": "probability preserved, mean over the curve, %",
    "clean": "q_O, clean, %",
    "blurred": "q_F, fully blurred, %",
}


def main() -> None:
    """Train both pairs, measure them, and write NAME.json and NAME.md."""
    args = _arguments()
    torch.set_num_threads(args.threads)
    args.runs.mkdir(parents=True, exist_ok=True)
    classes = write_classes(Path(args.data), args.runs / "classes.csv")
    labelled = read_labelled(args.data, classes)
    train, held_out = split_labelled(args.data, labelled, args.validation)
    pairs = train_pairs(_config(args), classes, train, args.runs)
    measured = measure_all(pairs, held_out, args.runs / "measured.jsonl", progress=True)
    result = {"facts": _facts(args, train, held_out), **summarise(measured, PAIRS)}
    write_results(args.output, table(result), as_json(result, measured))


def _facts(args: argparse.Namespace, train: Labelled, held_out: Labelled) -> dict[str, Any]:
    data = Path(args.data).name
    return {
        "data": data,
        "train": train.counts(),
        "held_out": held_out.counts(),
        "batch": args.batch,
        "crops": args.epochs * len(train.paths) // args.batch * args.batch,
        "seed": args.seed,
        "command": f"python benchmarks/joint.py {data} -o {args.output} --runs FOLDER "
        f"--epochs {args.epochs} --batch {args.batch} --validation {args.validation} --seed {args.seed}",
    }


def as_json(result: dict[str, Any], records: list[Record]) -> str:
    """Return the result as JSON, with each record on a line of its own."""
    lines = ",\n".join(json_text(record) for record in records)
    return f'{json_text(result, indent=1)[:-2]},\n "records": [\n{lines}\n]}}\n'


def write_classes(data: Path, path: Path) -> Path:
    """Write the file for `whyframe train --joint --classes`: the photographs that belong to a superclass.

    Args:
        data: Folder with `labels.csv`.
        path: The CSV file to write.

    Returns:
        The path of the file.
    """
    with (data / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = [(row["file"], superclass(int(row["class_id"]))) for row in csv.DictReader(file)]
    lines = [f"{name},{label}\n" for name, label in rows if label is not None]
    return atomic_write(path, "".join(["file,class\n", *lines]).encode())


def superclass(class_id: int) -> str | None:
    """Return the superclass of an ImageNet-1k class; None where it belongs to none."""
    return next((name for name, ids in SUPERCLASSES.items() if class_id in ids), None)


def train_pairs(config: TrainConfig, classes: Path, train: Labelled, runs: Path) -> dict[str, Pair]:
    """Return both pairs, after training what is not finished."""
    joint, alone = (prepare(config, classes, train.labels, runs / name) for name in PAIRS)
    train_steps(JointTrainer(joint, train, runs / "joint"), progress=True)
    train_steps(JointTrainer(alone, train, runs / "alone", weight=0.0), progress=True)
    # The joint run explains the true class of each image. Here the predicted class is explained.
    after = replace(alone, predicted_share=1.0)
    open_run(runs / "afterwards", after)
    train_steps(Trainer(after, list(train.paths), runs / "afterwards"), progress=True)
    return {"joint": Pair.of_run(runs / "joint"), "alone": Pair.of_run(runs / "afterwards")}


def table(result: dict[str, Any]) -> str:
    """Return the page of a result."""
    parts = (*_setting(result["facts"]), *_comparison(result), *_other_maps(result), _counts(result["facts"]))
    return "\n\n".join(parts) + "\n"


def _setting(facts: dict[str, Any]) -> list[str]:
    train, held_out = (sum(facts[part].values()) for part in ("train", "held_out"))
    return [
        "# Classifier and explainer, trained together",
        f"EfficientNet-Lite0 on {len(facts['train'])} superclasses of {facts['data']}: {train} photographs for "
        f"training, {held_out} held out. Every phase of training takes {facts['crops']:,} crops in batches of "
        f"{facts['batch']}, with seed {facts['seed']}: the same crops in the same order.",
        f"    {facts['command']}",
        "- joint: classifier and mask predictor are trained in the same steps, on "
        "`CE(f(I), y) + CE(f(phi(I, M)), y)`.\n"
        "- alone: the classifier is trained on `CE(f(I), y)` from the same start. Then a mask predictor is trained on "
        "the finished classifier (Fu et al. 2022, Eq. 8), for as many steps.",
    ]


def _comparison(result: dict[str, Any]) -> list[str]:
    """Return the table of both pairs and what its rows are measured on."""
    counts, held_out = result["measurable"], result["accuracy"]["joint"]["count"]
    rows = [
        [
            title,
            *(_cell(result, key, name) for name in PAIRS),
            _interval(result["differences"][key], _digits(key)),
        ]
        for key, title in TITLES.items()
    ]
    return [
        markdown_table(["", "joint", "alone", "joint minus alone (95 %)"], rows),
        f"Accuracy and cross-entropy are measured on all {held_out} held-out photographs. The other rows are measured "
        f"on the {counts['both']} photographs with `q_O - q_F > {MINIMUM_DROP}` for both classifiers (joint "
        f"{counts['joint']}, alone {counts['alone']}); on {counts['same prediction']} of them both predict the same "
        "class. Each classifier is explained by its own predictor, for the class that it predicts. The intervals of "
        "differences are from a paired bootstrap over photographs, those of accuracy are Wilson's. They do not include "
        "the variation between trainings: this is one seed.",
    ]


def _other_maps(result: dict[str, Any]) -> list[str]:
    """Return the comparison of each predictor with other maps on the same classifier."""
    own = result["own_minus"]
    rows = [
        [
            name,
            _cell(result, "faithfulness", name),
            _interval(own[name]["cam"]),
            _interval(own[name]["other"]),
        ]
        for name in PAIRS
    ]
    header = [
        "MF on the classifier", "own predictor", "minus its class activation map", "minus the other pair's predictor",
    ]  # fmt: skip
    return [
        "MF normalises each curve by its own ends: it measures how soon a classifier regains what *it* lost to the "
        "blur. The values of two classifiers are therefore on different scales, and the classifier that loses less is "
        "measured on fewer photographs. The joint classifier has also learned from masked photographs, so any map may "
        "restore its prediction sooner. The gain of the class activation map shows how much of the difference comes "
        "from the classifier rather than from the explanation. The quality of a map shows within one classifier, on "
        "the same photographs:",
        markdown_table(header, rows),
    ]


def _counts(facts: dict[str, Any]) -> str:
    rows = [
        [title, *map(str, facts[part].values())]
        for part, title in (("train", "for training"), ("held_out", "held out"))
    ]
    return markdown_table(["photographs", *facts["train"]], rows)


def _cell(result: dict[str, Any], key: str, name: str) -> str:
    if key == "accuracy":
        return "{percent:.1f} ({low:.1f} to {high:.1f})".format(**result["accuracy"][name])
    return f"{result['means'][name][key]:.{_digits(key)}f}"


def _interval(d: dict[str, float], digits: int = 2) -> str:
    return f"{d['mean']:+.{digits}f} ({d['low']:+.{digits}f} to {d['high']:+.{digits}f})"


def _digits(key: str) -> int:
    return 3 if key == "cross_entropy" else 1


def _config(args: argparse.Namespace) -> TrainConfig:
    return TrainConfig(
        ClassifierSpec("efficientnet_lite0"), {"name": "edge", "widths": [128, 64, 32]}, data=str(args.data),
        validation=args.validation, epochs=args.epochs, batch=args.batch, seed=args.seed, precision="fp32",
    )  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument("data", metavar="DATA", help="folder of photographs with labels.csv")
    parser.add_argument(
        "--runs",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="folder of the runs and of the measurements",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        default=4,
        help="passes over the photographs in each phase (default: %(default)s)",
    )
    parser.add_argument("--batch", type=int, default=16, help="images per step (default: %(default)s)")
    parser.add_argument(
        "--validation",
        type=int,
        default=340,
        help="number of photographs of DATA to hold out (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the trainings (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="number of CPU threads (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
