"""A folder with the files that the documentation and the examples speak of, and commands to use there."""

from __future__ import annotations

import os
import stat
import sys
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import torch
import torchvision

CLASSES = 10
CLIP_FRAMES = 12

# The commands of the documentation, on little data: options are added where a command would run for hours.
QUICK = {
    "train": ["--epochs", "1", "--validation", "4", "--batch", "8"],
    "evaluate": ["--limit", "2", "--shown", "1"],
}

COMMAND = """#!{python}
import sys
from whyframe.cli import main
sys.argv += {quick}.get(sys.argv[1], [])
main()
"""

# Installing is what .ci/run tests; here only the extras' names are checked.
PIP = """#!{python}
import re, sys, tomllib
from pathlib import Path
extras = tomllib.loads(Path({pyproject!r}).read_text())["project"]["optional-dependencies"]
named = {{name for word in sys.argv for group in re.findall(r"\\[(.+)\\]", word) for name in group.split(",")}}
sys.exit(f"no such extra: {{named - set(extras)}}" if named - set(extras) else 0)
"""

MODEL = """import torchvision


def build():
    return torchvision.models.mobilenet_v3_small(num_classes=10)
"""


def fill(folder: Path) -> Path:
    """Fill a folder: images, a clip, a classifier with weights and labels, and a fused model."""
    assets = [cv2.imread(str(files("whyframe") / "assets" / name)) for name in ("cat.jpg", "coffee.jpg")]
    cv2.imwrite(str(folder / "photo.jpg"), assets[1])
    (folder / "photos").mkdir()
    for index, image in enumerate(crops(assets, 16)):
        cv2.imwrite(str(folder / "photos" / f"{index:02}.jpg"), image)
    write_clip(folder / "clip.mp4", assets[0])
    (folder / "my_model.py").write_text(MODEL)
    torch.manual_seed(0)
    torch.save(torchvision.models.mobilenet_v3_small(num_classes=CLASSES).state_dict(), folder / "w.pt")
    (folder / "labels.txt").write_text("".join(f"class {index}\n" for index in range(CLASSES)))
    bundled = (files("whyframe") / "models" / "efficientnet_lite0_ct.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(bundled)
    return folder


def crops(images: list[np.ndarray], count: int) -> list[np.ndarray]:
    """Return random crops of images, half their height and width."""
    rng = np.random.default_rng(0)
    found = []
    for index in range(count):
        image = images[index % len(images)]
        height, width = (side // 2 for side in image.shape[:2])
        top, left = rng.integers(0, height), rng.integers(0, width)
        found.append(image[top : top + height, left : left + width])
    return found


def write_clip(path: Path, image: np.ndarray) -> None:
    """Write a short clip that pans over an image."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (256, 192))
    for index in range(CLIP_FRAMES):
        writer.write(np.ascontiguousarray(image[:192, 4 * index : 4 * index + 256]))
    writer.release()


def environment(folder: Path, repository: Path) -> dict[str, str]:
    """Return an environment whose `whyframe` is this version on little data, and whose `pip` installs nothing."""
    folder.mkdir()
    quick, pyproject = repr(QUICK), str(repository / "pyproject.toml")
    commands = {
        "whyframe": COMMAND.format(python=sys.executable, quick=quick),
        "pip": PIP.format(python=sys.executable, pyproject=pyproject),
        "pytest": "#!/bin/sh\nexit 0\n",
        "python": f'#!/bin/sh\nexec {sys.executable} "$@"\n',
    }
    for name, text in commands.items():
        path = folder / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
