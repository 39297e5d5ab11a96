"""Jobs in processes of their own, from wherever they are asked for: a notebook, a script, `python -c`, stdin.

The standard library's pools start a process by importing the caller's main module again. In a script without
`if __name__ == "__main__"` that starts everything once more and ends in a traceback for each process; from stdin
there is nothing to import. These workers are plain child processes instead: each is told the caller's sys.path and the
name of one function of an installed module, reads jobs as lines of JSON, and answers with JSON or with bytes. So they
start alike on Linux, macOS and Windows. They leave Ctrl-C to their parent, and end when it does, however it ended.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Sequence
from typing import Any

_START = (
    "import sys, json; sys.path[:] = json.loads(sys.stdin.readline()); from gancourse.workers import serve; serve()"
)
# Not of the terminal's group: Ctrl-C would be a traceback in a worker that has not come as far as `serve`.
APART: dict[str, Any]
if sys.platform == "win32":
    APART = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    APART = {"process_group": 0}


class WorkerError(RuntimeError):
    """A worker that could not be started, or died; the message says which."""


class JobError(RuntimeError):
    """What a job raised in its worker; the message is the traceback there."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def answers(function: Callable[[Any], Any], jobs: Sequence[Any], workers: int) -> Generator[tuple[int, Any]]:
    """(place in `jobs`, answer) for every job, in the order in which they are ready.

    function: of a module, not of the main one, since a worker finds it by its name. It takes one job, plain JSON
        values, and returns bytes or plain JSON values.
    workers: processes at a time, at least 1.

    Whatever ends this generator ends the workers. Raises WorkerError, and JobError for what a job raised.
    """
    waiting, lock = iter(enumerate(jobs)), threading.Lock()
    ready: queue.SimpleQueue[tuple[int, Any] | Exception | None] = queue.SimpleQueue()
    started: list[subprocess.Popen[bytes]] = []

    def listen(worker: subprocess.Popen[bytes]) -> None:
        try:
            while True:
                with lock:
                    place, job = next(waiting, (-1, None))
                if place < 0:
                    break
                ready.put((place, _ask(worker, job)))
        except JobError as error:
            ready.put(error)
        except (OSError, ValueError):
            ready.put(WorkerError(f"a worker process died (status {worker.wait()}): killed, or out of memory."))
        ready.put(None)

    threads: list[threading.Thread] = []
    try:
        for _ in range(min(workers, len(jobs))):
            started.append(_start(function))
            threads.append(threading.Thread(target=listen, args=[started[-1]], daemon=True))
            threads[-1].start()
        running = len(threads)
        while running:
            answer = ready.get()
            if answer is None:
                running -= 1
            elif isinstance(answer, Exception):
                raise answer
            else:
                yield answer
    finally:
        for worker in started:
            worker.kill()
        for thread in threads:
            with contextlib.suppress(RuntimeError):  # an interrupt came before it had started
                thread.join()
        for worker in started:
            with contextlib.suppress(OSError):
                worker.communicate()


def _start(function: Callable[[Any], Any]) -> subprocess.Popen[bytes]:
    try:
        if not sys.executable:
            raise OSError("sys.executable is empty: this Python is part of another program")
        worker = subprocess.Popen(
            [sys.executable, "-P", "-c", _START], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **APART
        )
        assert worker.stdin
        for line in (sys.path, [function.__module__, function.__qualname__]):
            worker.stdin.write(json.dumps(line).encode() + b"\n")
        worker.stdin.flush()
    except OSError as error:
        raise WorkerError(f"no process can be started here ({error}).") from error
    return worker


def _ask(worker: subprocess.Popen[bytes], job: Any) -> Any:
    """One job's answer. Raises JobError, and ValueError or OSError when the worker is no more."""
    assert worker.stdin and worker.stdout
    worker.stdin.write(json.dumps(job).encode() + b"\n")
    worker.stdin.flush()
    head = json.loads(worker.stdout.readline())
    if "error" in head:
        raise JobError(head["error"])
    if "bytes" not in head:
        return head["value"]
    data = worker.stdout.read(head["bytes"])
    if len(data) < head["bytes"]:
        raise ValueError("the answer was cut short")
    return data


def serve() -> None:
    """The worker's side, until there are no more jobs. What a job prints goes to stderr."""
    with contextlib.suppress(ValueError):  # the parent decides what an interrupt means
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    module, name = json.loads(sys.stdin.readline())
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(0)  # in the middle of a job too: whoever asked is no more, or has all that was asked for

    threading.Thread(target=listen, daemon=True).start()
    try:
        function = getattr(importlib.import_module(module), name)
        while True:
            answer = function(json.loads(lines.get()))
            raw = isinstance(answer, bytes)
            head = {"bytes": len(answer)} if raw else {"value": answer}
            out.write(json.dumps(head).encode() + b"\n" + (answer if raw else b""))
            out.flush()
    except Exception:
        out.write(json.dumps({"error": traceback.format_exc()}).encode() + b"\n")
        out.flush()
