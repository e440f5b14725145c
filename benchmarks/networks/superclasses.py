"""Twelve superclasses of the 1,000 classes of ImageNet-1k, by ranges of its class ids."""

from __future__ import annotations

import numpy as np

_RANGES = {
    "bird": "7-24 80-100 127-146",
    "reptile or amphibian": "25-68",
    "invertebrate": "69-79 107-126 300-329",
    "dog": "151-275",
    "cat": "281-293",
    "other mammal": "101-106 147-150 276-280 294-299 330-388",
    "fish": "0-6 389-397",
    "vehicle": "403-405 407-408 417 436 444 450 468 472 484 510-511 547 554-555 561 565 569 573 575-576 586 595 609"
    " 612 625 627-628 654 656 661 665 670-671 675 690 705 717 724 734 751 757 779-780 802-803 812 814 817 820 829 833"
    " 847 864 866-867 870-871 874 880 895 913-914",
    "building": "410 425 437 442 449 483 497-498 500 538 580 624 634 663 668 682 698 706 727 743 762 821 832 839 873"
    " 888 915",
    "food": "924-969",
    "plant or landscape": "970-980 984-998",
}

SUPERCLASSES = (*_RANGES, "other object")
"""Labels in class order; the last one is what no range holds."""


def superclass_ids() -> np.ndarray:
    """Return the superclass of every class of ImageNet-1k, 1000, int64."""
    ids = np.full(1000, len(_RANGES))
    for index, ranges in enumerate(_RANGES.values()):
        for part in ranges.split():
            first, _, last = part.partition("-")
            ids[int(first) : int(last or first) + 1] = index
    return ids
