"""Inputs of the fuzz suite: a good file of each kind, the mutated one of a seed, and the call that reads it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from helpers import toy
from helpers.clips import numbered_image, write_clip
from helpers.mutations import mutate_bytes, mutate_json, mutate_message
from whyframe import ExplainEngine
from whyframe.manifest import Manifest

FRAME = np.full((40, 40, 3), 90, np.uint8)


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes:
        write: Writes the mutated input of a random generator into an empty folder.
        read: Reads the input in the folder as a user's program would.
    """

    write: Callable[[Path, random.Random], None]
    read: Callable[[Path], object]


def _explain(model: Path) -> None:
    with ExplainEngine(model, backend="onnxruntime", threads=1) as engine:
        engine.run(FRAME).overlay()


def _write_model_bytes(folder: Path, rng: random.Random) -> None:
    path = toy.write(folder / "m.onnx")
    path.write_bytes(mutate_bytes(path.read_bytes(), rng))


def _write_model_structure(folder: Path, rng: random.Random) -> None:
    own = toy.Toy(mode=rng.choice(("ct", "bt")))
    model = own.model()
    for _ in range(rng.randint(1, 3)):
        mutate_message(model, rng)
    own.manifest().write(model, folder / "m.onnx")


def _write_manifest(folder: Path, rng: random.Random) -> None:
    class Mutated(Manifest):
        def to_json(self) -> str:
            return json.dumps(values | {"digest": self.digest})

    own = toy.Toy()
    values = mutate_json(own.manifest().to_dict(), rng)
    if not isinstance(values, dict):
        values = {"labels": values}
    fields = {field.name: getattr(own.manifest(), field.name) for field in dataclasses.fields(Manifest)}
    Mutated(**fields).write(own.model(), folder / "m.onnx")


def _write_engine(folder: Path, rng: random.Random) -> None:
    from whyframe.tensorrt.enginefile import EngineFile

    plan, batch = bytes(4), (1, 1, 1)
    header = EngineFile(
        manifest=toy.Toy().manifest(), builder="tensorrt", builder_version="10.0.0", compute_capabilities=((8, 6),),
        batch=batch, refine_batch=batch, plugin=False, explainer=plan, classifier=plan, refine_classifier=plan,
    ).header()  # fmt: skip
    text = json.dumps(mutate_json(header, rng)).encode()
    head, plans = struct.pack("<8sI", b"WHYFRENG", len(text)) + text, bytes(12)
    data = head + hashlib.sha256(head + plans).digest() + plans
    (folder / "m.engine").write_bytes(mutate_bytes(data, rng) if rng.random() < 0.2 else data)


def _read_engine(folder: Path) -> None:
    from whyframe.tensorrt.enginefile import EngineFile

    EngineFile.read(folder / "m.engine")


def _write_run(folder: Path) -> None:
    from helpers import tiny_run

    config = tiny_run.settings(tiny_run.spec(folder), data=str(folder), validation=1)
    tiny_run.untrained(config, folder)


def _write_settings(folder: Path, rng: random.Random) -> None:
    _write_run(folder)
    path = folder / "config.json"
    values = mutate_json(json.loads(path.read_text()), rng)
    data = json.dumps(values).encode()
    path.write_bytes(mutate_bytes(data, rng) if rng.random() < 0.2 else data)


def _write_checkpoint(folder: Path, rng: random.Random) -> None:
    import torch

    _write_run(folder)
    path = folder / "checkpoint.pt"
    data = path.read_bytes()
    try:
        torch.save(mutate_json(torch.load(path, weights_only=True), rng), path)
    except RecursionError:  # too deep for a pickle
        path.write_bytes(data)
    if rng.random() < 0.4:
        path.write_bytes(mutate_bytes(data, rng))


def _read_run(folder: Path) -> None:
    from whyframe_export.export_source import trained_source
    from whyframe_training.config import CONFIG, TrainConfig
    from whyframe_training.trainer import Trainer

    config = TrainConfig.load(folder / CONFIG)
    trained_source(folder, trust=True)
    Trainer(config, [folder / "unused.png"], folder)


COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 40}],
    "categories": [{"id": 7, "name": "cat"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [1, 2, 20, 20], "iscrowd": 0}],
}
BOXES = [{"file": "a.png", "boxes": [{"category": "cat", "xyxy": [1, 2, 20, 20], "difficult": False}]}]
VOC = (
    "<annotation><filename>a.png</filename><size><width>40</width><height>40</height></size><object><name>cat</name>"
    "<difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>20</xmax><ymax>20</ymax></bndbox></object>"
    "</annotation>"
)
YOLO = "0 0.5 0.5 0.2 0.3\n"


def _write_json_boxes(name: str, good: Any) -> Callable[[Path, random.Random], None]:
    def write(folder: Path, rng: random.Random) -> None:
        _write_image(folder / "images")
        data = json.dumps(mutate_json(good, rng)).encode()
        (folder / name).write_bytes(mutate_bytes(data, rng) if rng.random() < 0.2 else data)

    return write


def _write_text_boxes(name: str, good: str) -> Callable[[Path, random.Random], None]:
    def write(folder: Path, rng: random.Random) -> None:
        _write_image(folder / "images")
        if name == "a.txt":
            (folder / "classes.txt").write_text("cat\n")
        (folder / name).write_bytes(mutate_bytes(good.encode(), rng))

    return write


def _write_image(folder: Path) -> None:
    import cv2

    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), FRAME)


def _read_boxes(name: str = "") -> Callable[[Path], object]:
    def read(folder: Path) -> None:
        from whyframe_evaluation.annotations.boxes import group_by_image, read_boxes

        group_by_image(read_boxes(folder / name, folder / "images"), folder / "images")

    return read


def _write_mutated_image(folder: Path, rng: random.Random) -> None:
    import cv2

    suffix = rng.choice((".png", ".jpg", ".webp", ".tif", ".bmp"))
    data = cv2.imencode(suffix, numbered_image(9))[1].tobytes()
    (folder / f"a{suffix}").write_bytes(mutate_bytes(data, rng))


def _read_image(folder: Path) -> None:
    toy.write(folder / "m.onnx")
    with ExplainEngine(folder / "m.onnx", threads=1) as engine:
        engine.run(next(folder.glob("a.*")))


def _write_video(folder: Path, rng: random.Random) -> None:
    path = write_clip(folder / f"a.{rng.choice(('mp4', 'mkv', 'ts', 'avi'))}", frames=12)
    path.write_bytes(mutate_bytes(path.read_bytes(), rng))


def _read_video(folder: Path) -> None:
    toy.write(folder / "m.onnx")
    with ExplainEngine(folder / "m.onnx", threads=1) as engine:
        for _ in engine.stream(next(folder.glob("a.*"))):
            pass


KINDS = {
    "model-bytes": Kind(_write_model_bytes, lambda folder: _explain(folder / "m.onnx")),
    "model-structure": Kind(_write_model_structure, lambda folder: _explain(folder / "m.onnx")),
    "manifest": Kind(_write_manifest, lambda folder: _explain(folder / "m.onnx")),
    "engine": Kind(_write_engine, _read_engine),
    "settings": Kind(_write_settings, _read_run),
    "checkpoint": Kind(_write_checkpoint, _read_run),
    "boxes-json": Kind(_write_json_boxes("boxes.json", BOXES), _read_boxes()),
    "coco": Kind(_write_json_boxes("coco.json", COCO), _read_boxes("coco.json")),
    "voc": Kind(_write_text_boxes("a.xml", VOC), _read_boxes("a.xml")),
    "yolo": Kind(_write_text_boxes("a.txt", YOLO), _read_boxes()),
    "image": Kind(_write_mutated_image, _read_image),
    "video": Kind(_write_video, _read_video),
}
"""Kinds of input, by name."""
