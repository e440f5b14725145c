"""Wrong modules, weights and labels of users, written into a folder."""

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from helpers import tiny_network

MODEL = '''
"""Networks that whyframe refuses."""
import sys

import torch
from torch import nn

from helpers.tiny_network import build as tiny


class Around(nn.Module):
    """The tiny network with something wrong before or after it."""

    def __init__(self, before=lambda x: x, after=lambda x: x):
        super().__init__()
        self.tiny, self.before, self.after = tiny(), before, after

    def forward(self, x):
        return self.after(self.tiny(self.before(x)))


class TwoInputs(Around):
    def forward(self, images, lengths):
        return self.tiny(images) * lengths


class Keywords(Around):
    def forward(self, *, pixel_values):
        return self.tiny(pixel_values)


class Linear8bitLt(nn.Linear):
    pass


class Eight(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(5, 3, dtype=torch.int8), requires_grad=False)


def changed(change):
    network = tiny()
    change(network)
    return network


def sequence(*layers, channels=3):
    return nn.Sequential(nn.Conv2d(channels, 8, 3, 2, 1), nn.ReLU(), *layers)


def crash(): raise RuntimeError("no\\nluck")
def leave(): sys.exit("bye")
def nothing(): return None
def a_class(): return Around
def a_state(): return tiny().state_dict()
def a_pair(): return tiny(), "transform"
def argument(number): return tiny()
not_callable = 3
def dynamic(): return torch.ao.quantization.quantize_dynamic(tiny(), {nn.Linear})
def eight_bit(): return changed(lambda n: setattr(n, "fc", Linear8bitLt(20, 5)))
def int8(): return Eight()
def lazy(): return sequence(nn.Flatten(), nn.LazyLinear(5))
def nan(): return changed(lambda n: nn.init.constant_(n.fc.weight, float("nan")))
def meta(): return tiny().to("meta")
def two_inputs(): return TwoInputs()
def keywords(): return Keywords()
def a_dict(): return Around(before=lambda x: x["image"])
def grey(): return sequence(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5), channels=1)
def fixed_size(): return sequence(nn.Flatten(), nn.Linear(8 * 112 * 112, 5))
def too_small(): return sequence(nn.Conv2d(8, 8, 99), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
def reshapes(): return Around(before=lambda x: x.view(1, 3, 64, 64))
def on_cuda(): return Around(before=lambda x: x.to("cuda"))
def in_half(): return Around(before=lambda x: x.half())
def no_output(): return Around(after=lambda x: None)
def segments(): return sequence(nn.Conv2d(8, 5, 1))
def integers(): return Around(after=lambda x: x.argmax(1))
def boxes(): return Around(after=lambda x: [{"boxes": x, "scores_of_boxes": x}])
def fails(): return Around(after=lambda x: x.no_such_method())
def infinite(): return Around(after=lambda x: x / 0)
'''


def write(folder: Path) -> None:
    """Write all files into a folder."""
    (folder / "net.py").write_text(MODEL)
    (folder / "imports.py").write_text("import absent_package\n")
    (folder / "syntax.py").write_text("def build(:\n")
    (folder / "net.txt").write_text(MODEL)
    _write_weights(folder)
    _write_labels(folder)
    _write_huggingface(folder)


class Anything:
    """An object in a checkpoint beside the weights."""


def _write_weights(folder: Path) -> None:
    state = tiny_network.build().state_dict()
    quantised = {"fc.weight": torch.quantize_per_tensor(torch.ones(5, 20), 0.1, 0, torch.qint8)}
    saved: dict[str, Any] = {
        "whole": nn.Sequential(nn.Linear(3, 2)),
        "object": {"state_dict": state, "config": Anything()},
        "shapes": {**state, "fc.weight": torch.ones(9, 20), "fc.bias": torch.ones(9)},
        "missing": {key: value for key, value in state.items() if not key.startswith("fc")},
        "unexpected": {**state, "extra.weight": torch.ones(2)},
        "other": nn.Linear(3, 2).state_dict(),
        "no_entries": {},
        "optimizer": {"optimizer": {"state": {0: {"m": torch.ones(2)}}}, "epoch": 3},
        "list": [1, 2, 3],
        "nan": {**state, "fc.weight": torch.full((5, 20), torch.nan)},
        "quantised": {**state, **quantised},
        "several": {"model": state, "model_ema": {key: value + 1 for key, value in state.items()}},
        "good": state,
    }
    for name, content in saved.items():
        torch.save(content, folder / f"{name}.pt")
    save_file(state, folder / "good.safetensors")
    data = (folder / "good.pt").read_bytes()
    raw: dict[str, bytes] = {
        "empty.pt": b"",
        "cut.pt": data[: len(data) // 2],
        "cut.safetensors": (folder / "good.safetensors").read_bytes()[:-100],
        "pickle.pt": b"\x80\x02}q\x00(X\x05",
        "text.pt": b"these are no weights",
        "page.pt": b"<!DOCTYPE html>\n<html><body>404</body></html>",
        "lfs.pt": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
        "graph.onnx": b"\x08\x08\x12\x07pytorch",
        "keras.h5": b"\x89HDF\r\n\x1a\n",
        "packed.pt": gzip.compress(data),
        "array.npy": b"\x93NUMPY\x01\x00",
    }
    for name, content in raw.items():
        (folder / name).write_bytes(content)
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        archive.writestr("weights.npy", "")


def _write_labels(folder: Path) -> None:
    files: dict[str, bytes] = {
        "labels.txt": b"a\nb\nc\nd\ne\n",
        "empty.txt": b"\n",
        "latin.txt": b"caf\xe9\nb\nc\nd\ne\n",
        "binary.txt": b"\x00\x01\x02",
        "gap.txt": b"a\nb\n\nd\ne\n",
        "four.txt": b"a\nb\nc\nd\n",
        "twice.txt": b"a\nb\nc\nd\ne\na\n",
        "heading.txt": b"label\na\nb\nc\nd\ne\n",
        "ids.txt": b"0 a\n1 b\n1 c\n3 d\n4 e\n",
        "bad.json": b'["a", "b"',
        "gap.json": b'{"0": "a", "2": "b"}',
        "numbers.json": b"[1, 2, 3, 4, 5]",
        "table.csv": b"0,a,red\n1,b,blue\n",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _write_huggingface(folder: Path) -> None:
    from transformers import BertConfig, ResNetConfig, ResNetForImageClassification, ResNetModel

    config = ResNetConfig(
        embedding_size=4, hidden_sizes=[4, 4, 4, 4], depths=[1, 1, 1, 1], layer_type="basic"
    )
    made: dict[str, Callable[[Path], Any]] = {
        "hf_unprocessed": ResNetForImageClassification(config).save_pretrained,
        "hf_headless": ResNetModel(config).save_pretrained,
        "hf_text": BertConfig().save_pretrained,
        "hf_no_weights": config.save_pretrained,
    }
    for name, save in made.items():
        save(folder / name)
    (folder / "hf_nothing").mkdir()
    (folder / "hf_broken").mkdir()
    (folder / "hf_broken" / "config.json").write_text("{")
    odd = {"image_processor_type": "ViTImageProcessor", "resample": 1, "size": {"height": 64, "width": 64}}
    ResNetForImageClassification(config).save_pretrained(folder / "hf_lanczos")
    (folder / "hf_lanczos" / "preprocessor_config.json").write_text(json.dumps(odd))
