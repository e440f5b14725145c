"""The model file alone, without whyframe: any language with an ONNX runtime can do the same.

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
size = (side, side) if side else (manifest["input"]["width"], manifest["input"]["height"])
rule = manifest["resize"] if side else manifest["input"]["resize"]["mode"]
if rule != "stretch":
    sys.exit(f"this example stretches the complete frame; this model wants {rule}: crop or pad it first")

frame = cv2.imread(photo)
rgb = cv2.cvtColor(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
target = np.array([-1])  # -1 explains the predicted class; an id from 0 explains that class

probabilities, class_id, saliency = session.run(None, {"frames": rgb[None], "target": target})

height, width = frame.shape[:2]
heat = cv2.resize(saliency[0], (width, height))  # H x W in [0, 1]: how much a pixel supports the class
y, x = np.unravel_index(heat.argmax(), heat.shape)
label = manifest["labels"][class_id[0]]
print(f"{label} {probabilities[0, class_id[0]]:.3f}, strongest at x={x} y={y}")
