"""COCO files with keypoints."""

import json
from pathlib import Path


def write_keypoints(
    path: Path, parts: tuple[str, ...] = ("eye", "foot"), files: tuple[str, ...] = ("0.png",)
) -> Path:
    """Write annotations in which each file shows a dog with each part at (48, 36)."""
    path.write_text(json.dumps({
        "images": [{"id": index, "file_name": file} for index, file in enumerate(files)],
        "categories": [{"id": 1, "name": "dog", "keypoints": parts}],
        "annotations": [
            {"image_id": index, "category_id": 1, "keypoints": [48, 36, 2] * len(parts)}
            for index in range(len(files))
        ],
    }))  # fmt: skip
    return path
