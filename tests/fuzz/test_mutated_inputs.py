"""Mutated inputs of every kind: each is read or refused in one line; no crash, hang, traceback or flood of memory.

``WHYFRAME_FUZZ_EXAMPLES=1000 pytest tests/fuzz -m fuzz`` runs for hours; ``WHYFRAME_FUZZ_SEED`` chooses other inputs.
"""

import json
import os
import selectors
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.fuzz_inputs import KINDS

EXAMPLES = int(os.environ.get("WHYFRAME_FUZZ_EXAMPLES", "15"))
SEED = int(os.environ.get("WHYFRAME_FUZZ_SEED", "0"))
SECONDS = 60
TESTS = Path(__file__).parents[1]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, sys.path)]),
    "OMP_NUM_THREADS": "1",
    "WHYFRAME_CACHE": "/nonexistent",
}


class Worker:
    """A process that reads inputs of a kind, and is started again after each death."""

    def __init__(self, kind: str, log: Path) -> None:
        self._kind, self._log = kind, log
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "helpers.fuzz_worker", self._kind],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log.open("w"), text=True, env=ENVIRONMENT,
        )  # fmt: skip

    def outcome(self, seed: int) -> tuple[str, str]:
        """Return what became of the input of a seed: "ok", "refused", "bug", "hang" or "crash", and the details."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seed}\n")
        self._process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            hangs = not selector.select(SECONDS)
        line = "" if hangs else self._process.stdout.readline()
        if line:
            state, detail = json.loads(line)
            return state, detail
        code = self.stop()
        self._start()
        return ("hang", "") if hangs else ("crash", f"status {code}: {self._log.read_text()[-2000:]}")

    def stop(self) -> int:
        self._process.kill()
        return self._process.wait()


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", KINDS)
def test_each_mutated_input_is_read_or_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    worker, found = Worker(kind, tmp_path / "stderr.txt"), {}
    for seed in range(SEED, SEED + EXAMPLES):
        state, detail = worker.outcome(seed)
        if state not in ("ok", "refused"):
            found[seed] = f"{state}: {detail}"
    worker.stop()
    listing = "\n\n".join(f"seed {seed}: {detail}" for seed, detail in found.items())
    assert not found, f"{len(found)} of {EXAMPLES} mutated inputs of {kind}\n{listing}"
