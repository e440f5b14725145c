"""Annotations of data sets: boxes, keypoints, and the ImageNet classes of COCO's categories."""
