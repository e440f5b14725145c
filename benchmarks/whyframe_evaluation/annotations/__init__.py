"""Readers of data set annotations: object boxes, keypoints, and the classes that belong to an object category.

- `boxes`: COCO JSON, Pascal VOC XML and YOLO text.
- `boxed_images`: images with their objects, as the evaluation uses them, and the form ``boxes.json``.
- `keypoints`: COCO JSON with keypoints.
- `imagenet_classes`: ImageNet classes of each COCO category.
"""
