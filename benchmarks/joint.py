"""What training classifier and explainer at once does, on superclasses of photographs.

    python benchmarks/joint.py DATA -o benchmarks/results/joint --runs FOLDER

DATA holds photographs and `labels.csv` with columns `file` and `class_id` (ImageNet-1k). Two classifiers start from the
same pretrained network with the same new last layer and see the same crops in the same steps:

- joint: with its mask predictor, at once (`whyframe train --joint`);
- alone: on the labels only; afterwards a mask predictor is trained on it, frozen, for as many steps of the same crops.

Both are measured on the same held-out photographs. Interrupted, the same command goes on. Writes NAME.json (every
raw value) and NAME.md.
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress

from whyframe.files import atomic_write
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
"""ImageNet-1k ids."""
PAIRS = ("joint", "alone")
ROWS = {
    "accuracy": "accuracy, %",
    "cross_entropy": "cross-entropy, nats",
    "faithfulness": "MF, own predictor",
    "faithfulness_cam": "MF, class activation map",
    "preserved": "probability preserved, mean over the curve, %",
    "clean": "q_O, clean, %",
    "blurred": "q_F, fully blurred, %",
}


def main() -> None:
    """Trains what is not trained, measures what is not measured, writes both files."""
    args = _arguments()
    torch.set_num_threads(args.threads)
    args.runs.mkdir(parents=True, exist_ok=True)
    classes = write_classes(Path(args.data), args.runs / "classes.csv")
    labelled = read_labelled(args.data, classes)
    train, held_out = split_labelled(args.data, labelled, args.validation)
    pairs = train_pairs(_config(args), classes, train, args.runs, Console(stderr=True))
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("measuring", total=len(held_out.paths))
        measured = measure_all(pairs, held_out, args.runs / "measured.jsonl", lambda: progress.advance(task))
    facts = {
        "data": Path(args.data).name,
        "train": train.counts(),
        "held_out": held_out.counts(),
        "batch": args.batch,
        "crops": args.epochs * len(train.paths) // args.batch * args.batch,
        "seed": args.seed,
        "command": f"python benchmarks/joint.py {Path(args.data).name} -o benchmarks/results/joint --runs FOLDER "
        f"--epochs {args.epochs} --batch {args.batch} --validation {args.validation} --seed {args.seed}",
    }
    result = {"facts": facts, **summarise(measured, PAIRS)}
    atomic_write(args.output.with_suffix(".json"), as_json(result, measured).encode())
    atomic_write(args.output.with_suffix(".md"), table(result).encode())
    print(table(result))


def as_json(result: dict[str, Any], records: list[Record]) -> str:
    """The result, and a line for each record."""
    lines = ",\n".join(json.dumps(record) for record in records)
    return f'{json.dumps(result, indent=1)[:-2]},\n "records": [\n{lines}\n]}}\n'


def write_classes(data: Path, path: Path) -> Path:
    """The photographs of the superclasses as the CSV file that `whyframe train --joint --classes` takes."""
    with (data / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = [(row["file"], superclass(int(row["class_id"]))) for row in csv.DictReader(file)]
    lines = [f"{name},{label}\n" for name, label in rows if label is not None]
    return atomic_write(path, "".join(["file,class\n", *lines]).encode())


def superclass(class_id: int) -> str | None:
    """The superclass of an ImageNet-1k class, or None."""
    return next((name for name, ids in SUPERCLASSES.items() if class_id in ids), None)


def train_pairs(
    config: TrainConfig, classes: Path, train: Labelled, runs: Path, console: Console
) -> dict[str, Pair]:
    """Both pairs, trained or read from where they were."""
    joint, alone = (prepare(config, classes, train.labels, runs / name) for name in PAIRS)
    train_steps(JointTrainer(joint, train, runs / "joint"), None, console)
    train_steps(JointTrainer(alone, train, runs / "alone", weight=0.0), None, console)
    # The predicted class alone is explained in training, as the joint run explains the true one.
    after = replace(alone, predicted_share=1.0)
    open_run(runs / "afterwards", after)
    train_steps(Trainer(after, list(train.paths), runs / "afterwards"), None, console)
    return {"joint": Pair.of_run(runs / "joint"), "alone": Pair.of_run(runs / "afterwards")}


def table(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    return (
        "\n".join([*_setting(result["facts"]), *_both(result), *_within(result), *_counts(result["facts"])])
        + "\n"
    )


def _setting(facts: dict[str, Any]) -> list[str]:
    train, held_out = (sum(facts[part].values()) for part in ("train", "held_out"))
    return [
        "# Classifier and explainer, trained at once",
        "",
        f"EfficientNet-Lite0, {len(facts['train'])} superclasses of {facts['data']}: {train} photographs to train on, "
        f"{held_out} held out. Every phase: {facts['crops']:,} crops in batches of {facts['batch']}, seed "
        f"{facts['seed']}, the same crops in the same order.",
        "",
        f"    {facts['command']}",
        "",
        "- joint: `CE(f(I), y) + CE(f(phi(I, M)), y)`, classifier and mask predictor in the same steps.",
        "- alone: `CE(f(I), y)` from the same start; then its predictor (Eq. 8), for as many steps on it, frozen.",
        "",
    ]


def _both(result: dict[str, Any]) -> list[str]:
    counts, held_out = result["measurable"], result["accuracy"]["joint"]["count"]
    rows = []
    for key, title in ROWS.items():
        cells = [_cell(result, key, name) for name in PAIRS]
        rows.append(
            f"| {title} | {' | '.join(cells)} | {_interval(result['differences'][key], _digits(key))} |"
        )
    return [
        "| | joint | alone | joint minus alone (95 %) |",
        "|---|---|---|---|",
        *rows,
        "",
        f"Accuracy and cross-entropy: all {held_out} held-out photographs. The other rows: the {counts['both']} where "
        f"`q_O - q_F > {MINIMUM_DROP}` for both classifiers (joint {counts['joint']}, alone {counts['alone']}; both "
        f"predict the same class on {counts['same prediction']} of them), each classifier explained by its own "
        "predictor for the class that it predicts itself. Paired bootstrap over photographs; accuracy with Wilson's "
        "interval. One seed: the intervals do not hold the luck of a training.",
        "",
    ]


def _within(result: dict[str, Any]) -> list[str]:
    own = result["own_minus"]
    rows = [
        f"| {name} | {_cell(result, 'faithfulness', name)} | {_interval(own[name]['cam'])} "
        f"| {_interval(own[name]['other'])} |"
        for name in PAIRS
    ]
    return [
        "MF normalises each curve by its own ends. Two classifiers are so compared by how soon each regains what *it* "
        "lost to the blur: one that loses less is measured on another scale, and on fewer photographs; and the joint "
        "classifier has learned from masked photographs, so any map may bring its answer back sooner. As much as the "
        "class activation map gains, the classifier has changed and not the explanation. What a map is worth shows "
        "within one classifier, on the same photographs:",
        "",
        "| MF on the classifier | own predictor | minus its class activation map | minus the other pair's predictor |",
        "|---|---|---|---|",
        *rows,
        "",
    ]


def _counts(facts: dict[str, Any]) -> list[str]:
    return [
        "| photographs | " + " | ".join(facts["train"]) + " |",
        "|---" * (len(facts["train"]) + 1) + "|",
        *(
            f"| {title} | " + " | ".join(map(str, facts[part].values())) + " |"
            for part, title in (("train", "to train on"), ("held_out", "held out"))
        ),
    ]


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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="photographs with labels.csv")
    parser.add_argument("--runs", type=Path, required=True, help="where the runs and what was measured live")
    parser.add_argument(
        "--epochs", type=int, default=4, help="passes over the photographs in every phase (4)"
    )
    parser.add_argument("--batch", type=int, default=16, help="images a step (16)")
    parser.add_argument("--validation", type=int, default=340, help="of DATA's photographs, held out (340)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, required=True, help="results without suffix")
    return parser.parse_args()


if __name__ == "__main__":
    main()
