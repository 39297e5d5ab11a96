"""The choice of threads beside a busy process: what is read, what is decided, and that it is decided once."""

import json
import os
import sys

import pytest
import torch

from gancourse.data import Images
from gancourse.models import networks
from gancourse.training import Config, Minimax, Trainer, threads

linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc")


@pytest.fixture(autouse=True)
def a_process(monkeypatch):
    """A fresh process on two cores, whose user has chosen nothing; torch's number of threads is a stand-in."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    now = [2]
    monkeypatch.setattr(threads, "_made", None)
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(torch, "get_num_threads", lambda: now[-1])
    monkeypatch.setattr(torch, "set_num_threads", now.append)
    return now


@pytest.mark.parametrize(
    ("cores", "busy", "convolutions", "expected", "laid_out"),
    [
        (2, None, True, 2, False),  # nobody knows
        (2, 0.0, True, 2, False),
        (2, 0.49, False, 2, False),
        (2, 0.5, False, 1, False),
        (2, 1.0, False, 1, False),
        (2, 1.0, True, 3, True),
        (2, 1.9, True, 1, False),  # beside two processes there is nothing to lay out
        (2, 7.0, False, 1, False),
        (4, 1.0, True, 3, False),
        (4, 1.0, False, 3, False),
        (8, 2.4, True, 6, False),
        (64, 1.0, False, 63, False),
    ],
)
def test_what_is_decided(cores, busy, convolutions, expected, laid_out):
    choice = threads.decide(cores, busy, convolutions)
    assert (choice.threads, choice.laid_out) == (expected, laid_out)
    assert choice.differs == (expected != cores) == bool(str(choice))


def test_it_is_chosen_once_a_process(monkeypatch, a_process):
    readings = [1.0, 0.0]
    monkeypatch.setattr(threads, "others", lambda: readings.pop(0))
    first = threads.choose(convolutions=False)
    assert (first.threads, a_process) == (1, [2, 1])
    assert threads.choose(convolutions=True) is first
    assert (a_process, readings) == ([2, 1], [0.0])


def test_threads_that_cannot_be_laid_out_are_one_fewer(monkeypatch, a_process):
    monkeypatch.setattr(threads, "others", lambda: 1.0)
    monkeypatch.setattr(threads, "lay_out", lambda n: False)
    assert threads.choose(convolutions=True).threads == 1
    assert a_process == [2, 3, 1]


@pytest.mark.parametrize("how", ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "set_num_threads"])
def test_whoever_has_chosen_is_left_alone(monkeypatch, a_process, how):
    monkeypatch.setattr(threads, "others", lambda: pytest.fail("looked"))
    if how == "set_num_threads":
        a_process.append(1)
    else:
        monkeypatch.setenv(how, "2")
    before = list(a_process)
    choice = threads.choose(convolutions=True)
    assert (a_process, str(choice), choice.differs) == (before, "", False)


def test_elsewhere_than_on_linux_nothing_is_chosen(monkeypatch, a_process):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert threads.others() is None
    assert str(threads.choose(convolutions=True)) == "" and set(a_process) == {2}


class Stat:
    """A /proc/stat of four cores whose ticks go on by what each is said to do."""

    def __init__(self, folder, clock):
        self.path, self.clock, self.ticks = folder / "stat", clock, [[0] * 10 for _ in range(4)]
        self.write()

    def write(self):
        rows = "".join(f"cpu{n} {' '.join(map(str, row))}\n" for n, row in enumerate(self.ticks))
        self.path.write_text(f"cpu  1 2 3 4\n{rows}intr 12 3\nbtime 5\n")

    def wait(self, seconds, user):
        for row, share in zip(self.ticks, user, strict=True):
            row[0] += round(share * seconds * 100)
            row[3] += round((1 - share) * seconds * 100)
        self.clock[0] += seconds
        self.write()


@pytest.fixture
def stat(monkeypatch, tmp_path):
    clock = [0.0]
    monkeypatch.setattr(threads, "PROC", tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    monkeypatch.setattr(threads.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(threads.time, "process_time", lambda: 0.0)
    return Stat(tmp_path, clock)


@pytest.mark.parametrize(
    ("user", "expected"),
    [((0, 0, 0, 0), 0.0), ((1, 0, 0, 0), 1.0), ((0.5, 0.5, 0, 0), 1.0), ((1, 1, 0, 0), 2.0), ((0, 0, 1, 1), 0.0)],
)
def test_what_others_use_of_our_cores(stat, user, expected):
    assert threads._reading(0.2, lambda s: stat.wait(s, user)) == pytest.approx(expected)


def test_our_own_time_does_not_count(monkeypatch, stat):
    own = iter([3.0, 3.2])
    monkeypatch.setattr(threads.time, "process_time", lambda: next(own))
    assert threads._reading(0.2, lambda s: stat.wait(s, (1, 1, 0, 0))) == pytest.approx(1.0)


@pytest.mark.parametrize("text", ["", "cpu0 a b c\ncpu1 1 2 3\n", "cpu0 1 2 3 4 5 6 7 8\n"])
def test_a_stat_that_cannot_be_read_chooses_nothing(stat, text):
    stat.path.write_text(text)
    assert threads._reading(0.2, lambda s: None) is None
    stat.path.unlink()
    assert threads._reading(0.2, lambda s: None) is None


@pytest.mark.parametrize(("readings", "expected", "taken"), [([0.1], 0.1, 1), ([1.2, 0.2], 0.2, 2), ([1, 0.9], 0.9, 2)])
def test_a_moment_of_work_is_not_a_busy_machine(monkeypatch, readings, expected, taken):
    left = list(readings)
    monkeypatch.setattr(threads, "_reading", lambda seconds: left.pop(0))
    assert (threads.others(), len(readings) - len(left)) == (expected, taken)


# -- runs ------------------------------------------------------------------------------------------------------------


def trained(folder, epochs):
    torch.manual_seed(0)
    images = Images(torch.arange(32 * 784).reshape(32, 1, 28, 28).remainder(251).to(torch.uint8), name="made")
    config = Config(epochs=epochs, batch_size=16, fast=False, precision="float32")
    trainer = Trainer(Minimax(*networks("mlp")), images, config, folder, "cpu")
    trainer.fit(progress=False)
    return json.loads((folder / "config.json").read_text())["computed"]["threads"]


def test_a_resumed_run_takes_the_threads_it_had(tmp_path, a_process, capsys):
    a_process.append(1)
    threads._made = threads.Choice(1, 2, 1.0)
    assert trained(tmp_path, 1) == 1
    threads._made, a_process[:] = None, [2]  # tomorrow, on a quiet machine
    assert trained(tmp_path, 2) == 1
    assert a_process == [2, 1, 2]  # only while it trains
    assert "note" not in capsys.readouterr().out


def test_a_resumed_run_takes_the_threads_that_you_set(tmp_path, monkeypatch, a_process, capsys):
    threads._made = threads.Choice(1, 2, 1.0)
    a_process.append(1)
    assert trained(tmp_path, 1) == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    a_process[:] = [2]
    assert trained(tmp_path, 2) == 2
    assert a_process == [2]
    assert "'threads': 2} from here on, before with" in capsys.readouterr().out


@pytest.mark.parametrize(
    "said", [None, 5, [], {}, {"threads": "2"}, {"threads": True}, {"threads": 0}, {"threads": 64}]
)
def test_what_a_config_says_may_be_anything(said):
    assert threads.to_go_on(said) is None


@linux
def test_helpers_are_laid_out_over_the_cores():
    """In a process of its own, whose number of threads is real."""
    import subprocess

    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core")
    code = (
        "import os, torch; from pathlib import Path; from gancourse.training import threads\n"
        "every = os.sched_getaffinity(0); torch.set_num_threads(3); assert threads.lay_out(3)\n"
        "pinned = [os.sched_getaffinity(int(p.name)) for p in Path('/proc/self/task').iterdir()]\n"
        "pinned = sorted(min(p) for p in pinned if len(p) == 1)\n"
        "assert pinned == sorted(every)[:2], pinned\n"
        "assert os.sched_getaffinity(0) == every\n"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
