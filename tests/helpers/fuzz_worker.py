"""A process that reads mutated inputs: ``python -m helpers.fuzz_worker KIND``; one seed a line on stdin.

It prints a line for each: ``ok``, ``refused`` and the message, or ``bug`` and the traceback, as JSON.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import tempfile
import traceback
from pathlib import Path

GIBIBYTES = int(os.environ.get("WHYFRAME_FUZZ_MEMORY", "6"))
"""Address space of the process; what is mapped by PyTorch and never touched counts, too."""


def main() -> None:
    """Read inputs until stdin ends."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # decoders print to stdout
    from helpers.fuzz_inputs import KINDS

    kind = KINDS[sys.argv[1]]
    resource.setrlimit(resource.RLIMIT_AS, (GIBIBYTES << 30, GIBIBYTES << 30))
    for line in sys.stdin:
        with tempfile.TemporaryDirectory() as folder:
            kind.write(Path(folder), random.Random(int(line)))
            print(json.dumps(_outcome(kind.read, Path(folder))), file=out, flush=True)


def _outcome(read, folder: Path) -> list[str]:
    from whyframe.errors import WhyframeError

    try:
        read(folder)
    except WhyframeError as error:
        message = str(error)
        return ["refused" if message.isprintable() and 0 < len(message) < 1000 else "bug", message[:2000]]
    except BaseException:
        return ["bug", traceback.format_exc()[-3000:]]
    return ["ok", ""]


if __name__ == "__main__":
    main()
