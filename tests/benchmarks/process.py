"""A process of its own for what is timed, with an environment of its own, that answers questions."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

AVX2 = {  # a processor without AVX-512: what convolutions, matrix products and the rest of torch listen to
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
}


class Process:
    """Runs target(*arguments, pipe) in a new process until "stop" comes through the pipe.

    environment: set there alone. without: names of variables that it does not get, from there neither.
    """

    def __init__(
        self, target: Callable[..., None], *arguments: str, environment: Mapping[str, str], without: Sequence[str] = ()
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        before = dict(os.environ)
        os.environ |= environment
        for name in without:
            os.environ.pop(name, None)
        self.process = context.Process(target=target, args=(*arguments, other), daemon=True)
        self.process.start()
        os.environ.clear()
        os.environ |= before

    def ask(self, message: Any) -> Any:
        """Send a message and wait for the answer."""
        self.pipe.send(message)
        return self.pipe.recv()

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self.pipe.send("stop")
        self.process.join()
