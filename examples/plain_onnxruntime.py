"""The model file alone, without whyframe: any language with an ONNX runtime can do the same.

It takes models of colour images, with each resize rule: stretch, crop and letterbox. OpenCV's averages stand in for the
filter that the manifest names, so probabilities differ somewhat from those of whyframe.

python examples/plain_onnxruntime.py model.onnx photo.jpg
"""

import json
import sys

import cv2
import numpy as np
import onnxruntime

model, photo = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
manifest = json.loads(session.get_modelmeta().custom_metadata_map["whyframe"])
side = manifest.get("side")  # of files of version 0.1, such as the bundled model
spec = manifest.get("input") or {"height": side, "width": side, "resize": {"mode": manifest["resize"]}}
if spec.get("channels", 3) != 3:
    sys.exit(f"this example gives colour images; this model takes {spec['channels']} channels")

frame = cv2.imread(photo)
size, shape, rule = (spec["height"], spec["width"]), frame.shape[:2], spec["resize"]
scales = [n / m for n, m in zip(size, shape, strict=True)]  # of stretch
if rule["mode"] == "letterbox":
    scales = [min(scales)] * 2
elif rule["mode"] == "crop":  # the shorter side becomes R, or the crop is as large as it can be
    scales = [rule["shorter_side"] / min(shape) if rule.get("shorter_side") else max(scales)] * 2
rows, columns = (round(n * scale) for n, scale in zip(shape, scales, strict=True))
resized = cv2.resize(frame, (columns, rows), interpolation=cv2.INTER_AREA)

# The centre of the larger one of the resized frame and the input is common to both.
top, left = ((n - m) // 2 for n, m in zip(size, (rows, columns), strict=True))
above, before = max(top, 0), max(left, 0)
borders = above, max(size[0] - rows - above, 0), before, max(size[1] - columns - before, 0)
padded = cv2.copyMakeBorder(resized, *borders, cv2.BORDER_CONSTANT, value=rule.get("fill", [0, 0, 0])[::-1])
shown = np.s_[above - top : above - top + size[0], before - left : before - left + size[1]]
rgb = cv2.cvtColor(padded[shown], cv2.COLOR_BGR2RGB)
target = np.array([-1])  # -1 explains the predicted class; an id from 0 explains that class

probabilities, class_id, saliency = session.run(None, {"frames": rgb[None], "target": target})

whole = np.zeros(padded.shape[:2], np.float32)  # 0 where the model did not look
whole[shown] = cv2.resize(saliency[0], size[::-1])
content = whole[above : above + rows, before : before + columns]
heat = cv2.resize(content, shape[::-1])  # H x W in [0, 1]: how much a pixel supports the class
y, x = np.unravel_index(heat.argmax(), heat.shape)
label = manifest["labels"][class_id[0]]
print(f"{label} {probabilities[0, class_id[0]]:.3f}, strongest at x={x} y={y}")
