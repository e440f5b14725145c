"""Consume explanations as JSON lines, as any other program could: print where each class begins and ends.

whyframe run clip.mp4 --json | python examples/json_lines.py
whyframe run rtsp://camera/stream --json | python examples/json_lines.py --minimum 0.5
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

Frame = dict[str, Any]


def main() -> None:
    """Read JSON lines from standard input, and print a line for each series of frames with the same class."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minimum", type=float, default=0.2, help="smallest probability that counts")
    args = parser.parse_args()
    for label, frames in segments(map(json.loads, sys.stdin), args.minimum):
        x, y = frames[len(frames) // 2]["peak"]
        print(f"{clock(frames[0])} to {clock(frames[-1])}  {label}, around x={x} y={y}", flush=True)


def segments(frames: Iterable[Frame], minimum: float) -> Iterator[tuple[str, list[Frame]]]:
    """Yield each predicted class with its consecutive frames, without those below the minimum or without a map."""
    certain = (frame for frame in frames if frame["probability"] >= minimum and not frame["no_signal"])
    for label, group in groupby(certain, key=lambda frame: frame["label"]):
        yield label, list(group)


def clock(frame: Frame) -> str:
    """Return the time of a frame in seconds, or its index where the source has no clock."""
    timestamp = frame["timestamp"]
    return f"#{frame['index']}" if timestamp is None else f"{timestamp:.2f} s"


if __name__ == "__main__":
    main()
