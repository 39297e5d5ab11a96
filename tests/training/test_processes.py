"""Two CPU processes (gloo) against one: equal up to rounding, one set of files, clear refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gancourse.models import MLPGenerator
from gancourse.training import draw_z
from gancourse.training.processes import Team
from gancourse.training.run import Run

WRITES_ITS_STATE = """
import sys, torch
from safetensors.torch import save_file
from gancourse import training
from gancourse.__main__ import main
from gancourse.training.processes import launched
from gancourse.training.run import Run
rank = launched().process_index
seen = []
def recorded(step):
    def record(self, batches, rng):
        seen.extend(x.clone() for x in batches)
        return step(self, batches, rng)
    return record
for algorithm in (training.Minimax, training.CriticGAN):
    algorithm.round = recorded(algorithm.round)
kept, made = [], training.Trainer.__init__
def keep(self, *rest, **named):
    kept.append(self)
    made(self, *rest, **named)
training.Trainer.__init__ = keep
if "full-disk" in sys.argv[1] and rank == 0:
    def refuse(self, checkpoint):
        raise OSError(28, "No space left on device")
    Run.save = refuse
status = main(sys.argv[2:])
if status == 0:
    trainer = kept[0]
    networks = {"G": trainer.networks["G"], "D": trainer.networks["D"]}
    state = {f"{n}.{k}": v.contiguous() for n, net in networks.items() for k, v in net.state_dict().items()}
    save_file(state | {"first": seen[0].contiguous()}, f"{sys.argv[1]}/{rank}.safetensors")
torch.distributed.destroy_process_group()
sys.exit(status)
"""


def train(folder: Path, processes: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m gancourse train` in so many processes; with more than one, each leaves its state in `folder`."""
    script = folder / "worker.py"
    script.write_text(WRITES_ITS_STATE)
    call = ["train", *arguments, "--precision", "float32", "--plain", "--images", "1024", "--batch-size", "64"]
    start = [sys.executable, "-m", "gancourse"]
    if processes > 1:
        launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
        start = [*launcher, "--master-port", str(29_500 + os.getpid() % 1000), str(script), str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(start + call, env=environment, capture_output=True, text=True, timeout=300)


SMALL = ["--width", "4", "--network", "norm_g=0", "--k", "2"]  # of critics; without BatchNorm
OPTIONS = {"mlp": [], "dcgan": [], "wgan-gp": SMALL, "sn-gan": SMALL, "r3gan": SMALL}


@pytest.mark.slow
@pytest.mark.parametrize("model", OPTIONS)
def test_two_processes_train_as_one(model, tmp_path):
    from safetensors.torch import load_file

    words = [*OPTIONS[model], "--epochs", "2", "--out"]
    together = train(tmp_path, 2, model, *words, str(tmp_path / "two"))
    assert together.returncode == 0, together.stderr
    alone = train(tmp_path, 1, model, *words, str(tmp_path / "one"))
    assert alone.returncode == 0, alone.stderr

    first, second = (load_file(tmp_path / f"{rank}.safetensors") for rank in (0, 1))
    shares = first.pop("first"), second.pop("first")
    assert len(shares[0]) == len(shares[1]) == 32  # the config's 64 is the batch of both together
    assert not torch.equal(*shares)
    assert all(torch.equal(first[k], second[k]) for k in first), "the replicas drifted apart"

    one, two = Run(tmp_path / "one").load(2), Run(tmp_path / "two").load(2)
    assert Run(tmp_path / "two").checkpointed_epochs() == [1, 2]
    assert together.stdout.count("2 epochs of") == 1  # one process speaks
    assert json.loads((tmp_path / "two" / "config.json").read_text())["computed"]["processes"] == 2
    assert torch.equal(one.tensors["rng.own"], two.tensors["rng.own"])
    if model != "dcgan":  # without BatchNorm the shares of a batch add up to the batch
        if model in ("mlp", "wgan-gp"):  # Adam without momentum makes a whole step of a gradient that is mere rounding
            for name, tensor in one.network("G").items():
                torch.testing.assert_close(two.network("G")[name], tensor, atol=1e-4, rtol=1e-3)
        assert two.history[-1]["loss_d"] == pytest.approx(one.history[-1]["loss_d"], abs=1e-4)


@pytest.mark.slow
def test_a_run_of_two_processes_goes_on_in_one_and_back(tmp_path):
    out = str(tmp_path / "run")
    for epochs, processes in ((1, 2), (2, 1), (3, 2)):
        done = train(tmp_path, processes, "mlp", "--epochs", str(epochs), "--out", out)
        assert done.returncode == 0, done.stderr
    assert "resuming" in done.stdout and "'processes': 1" in done.stdout
    straight = train(tmp_path, 1, "mlp", "--epochs", "3", "--out", str(tmp_path / "straight"))
    assert straight.returncode == 0, straight.stderr
    mixed, plain = Run(tmp_path / "run").load(3), Run(tmp_path / "straight").load(3)
    for name, tensor in plain.network("G").items():
        torch.testing.assert_close(mixed.network("G")[name], tensor, atol=1e-4, rtol=1e-3)


@pytest.mark.slow
def test_when_the_main_process_cannot_save_nobody_waits_for_it(tmp_path):
    folder = tmp_path / "full-disk"
    folder.mkdir()
    done = train(folder, 2, "mlp", "--epochs", "2", "--out", str(tmp_path / "run"))  # its timeout: nobody hangs
    assert done.returncode != 0
    assert "No space left on device" in done.stderr
    assert Run(tmp_path / "run").checkpointed_epochs() == []


class _Accelerator:
    """Three processes, seen from the second."""

    process_index, num_processes = 1, 3


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    with pytest.raises(ValueError, match=r"batch_size is 128, which 3 processes cannot share evenly.*multiple of 3"):
        Team(_Accelerator()).check_batch(128)
    Team(_Accelerator()).check_batch(129)
    Team().check_batch(127)


def test_shares_of_z_make_up_the_whole_and_keep_every_generator_in_step():
    G = MLPGenerator()
    whole = draw_z(G, 6, torch.Generator().manual_seed(1))
    rngs = [torch.Generator().manual_seed(1) for _ in range(3)]
    shares = [draw_z(G, 2, rng, (rank, 3)) for rank, rng in enumerate(rngs)]
    assert torch.equal(torch.stack(shares, 1).reshape(6, 100), whole)
    assert all(torch.equal(rng.get_state(), rngs[0].get_state()) for rng in rngs)
