"""Algorithm 1 of Goodfellow et al. 2014: the step, the loop, history, checkpoints.

`train_step` is the algorithm as one would write it by hand. `Trainer` runs it over epochs, keeps a history, draws
samples from one fixed z, and writes a run folder from which it can go on. `gancourse.fast` is the same mathematics
arranged for speed; `Config(fast=False, precision="float32")` leaves it out, and then a loop written by hand gives the
same bits.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from gancourse import fast, memory
from gancourse.config import Config, pick_device
from gancourse.data import Images, unscale
from gancourse.distributed import ALONE, Share, Team
from gancourse.losses import GENERATOR_LOSSES, discriminator_loss, non_saturating_loss, wide
from gancourse.models import Z_SIZE
from gancourse.runs import Checkpoint, Row, Run, RunError, fitting

__all__ = ["STATISTICS", "Config", "Trainer", "TrainingDiverged", "draw_z", "pick_device", "train_step"]

STATISTICS = ("loss_d", "loss_g", "d_real", "d_fake_before", "d_fake_after", "grad_norm_d", "grad_norm_g")
N_FIXED = 64


class TrainingDiverged(RuntimeError):
    """A loss became NaN or infinite; the message names the step and the last good checkpoint."""


def draw_z(G: nn.Module, n: int, rng: torch.Generator, share: Share = ALONE) -> Tensor:
    """n latent vectors z ~ N(0, I) for the generator G, (n, z_size), drawn from `rng` on its device.

    share: (rank, processes): draw for all processes, take this one's part, so that every `rng` stays in step.
    """
    rank, processes = share
    z = torch.randn(n * processes, getattr(G, "z_size", Z_SIZE), generator=rng, device=rng.device)
    return z[rank::processes]


def train_step(
    G: nn.Module,
    D: nn.Module,
    opt_g: torch.optim.Optimizer,
    opt_d: torch.optim.Optimizer,
    x_reals: list[Tensor],
    rng: torch.Generator,
    generator_loss: Callable[[Tensor], Tensor] = non_saturating_loss,
    fresh_z: bool = True,
    share: Share = ALONE,
    accumulate: int = 1,
) -> Tensor:
    """One round of Algorithm 1: k discriminator steps, one on each batch of `x_reals`, then one generator step.

    x_reals: k batches of real images, (B, C, H, W) in [-1, 1]. z ~ N(0, I) of shape (B, 100) comes from `rng`.
    fresh_z: draw new z for G's step; False sends D's last fake batch through D once more, as many tutorials do.
    share: which part of the batch this process has, of how many (see gancourse.distributed); alone, all of it.
    accumulate: pass every batch in so many parts and add up their gradients, to need less memory; BatchNorm then sees
        the smaller parts.

    Real and fake images pass through D as separate batches, so that BatchNorm's statistics cannot give the labels away.
    D's parameters are frozen in G's step: their gradients would be computed only to be thrown away.
    Returns the seven numbers of STATISTICS, (7,), on the images' device; D's are means over its k steps.
    """
    device, k, parts = x_reals[0].device, len(x_reals), accumulate
    d_means, g_means = torch.zeros(4, device=device), torch.zeros(2, device=device)
    for x_real in x_reals:
        fakes = []
        z = draw_z(G, len(x_real), rng, share)
        opt_d.zero_grad()
        for x_part, z_part in zip(x_real.chunk(parts), z.chunk(parts), strict=True):
            x_fake = G(z_part)
            real_logits = wide(D(x_part))
            fake_logits = wide(D(x_fake.detach()))  # detach: this step must not reach G
            loss_d = discriminator_loss(real_logits, fake_logits)
            (loss_d / parts).backward()
            d_means[:3] += means(loss_d, real_logits.sigmoid(), fake_logits.sigmoid()) / parts
            if not fresh_z:
                fakes.append(x_fake)
        opt_d.step()
        d_means[3] += grad_norm(D)

    D.requires_grad_(False)
    try:
        z = draw_z(G, len(x_real), rng, share) if fresh_z else z
        opt_g.zero_grad()
        for i, z_part in enumerate(z.chunk(parts)):
            fake_logits = wide(D(G(z_part) if fresh_z else fakes[i]))
            loss_g = generator_loss(fake_logits)
            (loss_g / parts).backward()
            g_means += means(loss_g, fake_logits.sigmoid()) / parts
        opt_g.step()
    finally:  # whoever stops the kernel here keeps a D that can train
        D.requires_grad_(True)
    loss_d, d_real, d_fake, norm_d = d_means / k
    loss_g, d_fake_after = g_means
    return torch.stack([loss_d, loss_g, d_real, d_fake, d_fake_after, norm_d, grad_norm(G)])


def means(*answers: Tensor) -> Tensor:
    """The mean of each tensor, as one vector without gradient."""
    return torch.stack([answer.detach().mean() for answer in answers])


@torch.no_grad()
def grad_norm(network: nn.Module) -> Tensor:
    """Euclidean norm over all gradients of a network."""
    return torch.nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None])


class Trainer:
    """Trains a generator against a discriminator and keeps what happened.

    G, D: generator and discriminator, already initialised; they are moved to `device` and trained in place.
    images: what D is to believe in; moved to `device` too.
    out: a run folder, or None to keep everything in memory. A folder that holds a run with the same config is resumed
        after its newest whole checkpoint; one with another config is refused with RunError, and the difference shown.
    keep_last, milestones: which checkpoints stay (see runs.Run).
    accumulate: parts that each batch passes the networks in, for batches that do not fit the device's memory.
    accelerator: an accelerate.Accelerator, to train as one of several processes (see gancourse.distributed).
    score, score_every: a number for the generator (its average, where there is one), taken after every so many epochs
        into history's column `fid`, nan for the others; `evaluation.quick_fid`, for one. It must change no state. A run
        may go on with another score or none.

    .G .D .ema         the networks (ema: the averaged generator, or None)
    .history           one row of floats an epoch: epoch, the STATISTICS' means, images_per_second, seconds
    .samples           epoch -> (64, C, H, W) uint8 images from the one fixed z, .z_fixed; epoch 0 is before training
    .epoch             epochs done
    """

    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        images: Images,
        config: Config,
        out: str | Path | None = None,
        device: str = "auto",
        keep_last: int = 2,
        milestones: tuple[int, ...] = (),
        accelerator: Any = None,
        accumulate: int = 1,
        score: Callable[[nn.Module], float] | None = None,
        score_every: int = 1,
    ) -> None:
        self.team = Team(accelerator)
        self.team.check_batch(config.batch_size)
        if accumulate < 1 or config.batch_size // self.team.size % accumulate:
            raise ValueError(
                f"accumulate is {accumulate}, expected a divisor of the batch of {config.batch_size // self.team.size} "
                "images that this process has."
            )
        if score_every < 1:
            raise ValueError(f"score_every is {score_every}, expected a number of epochs, at least 1.")
        self.accumulate = accumulate
        self.score, self.score_every = score, score_every
        self.device = pick_device(device) if accelerator is None else accelerator.device
        self.G, self.D, self.images, self.config = (
            G.to(self.device),
            D.to(self.device),
            images.to(self.device),
            config,
        )
        if config.batch_size * config.k > len(images):
            raise ValueError(
                f"batch_size x k is {config.batch_size} x {config.k}, more than the {len(images)} images of "
                f"{images.name}; choose a smaller batch."
            )
        self.plan = fast.plan(config.precision, config.fast, self.device, G, D)
        self.opt_g = self._optimiser(self.G)
        self.opt_d = self._optimiser(self.D)
        self.ema = copy.deepcopy(self.G).requires_grad_(False) if config.ema_half_life else None
        self._step_networks = self.plan.prepare(self.G), self.plan.prepare(self.D)
        self.rng = torch.Generator(self.device).manual_seed(config.seed)
        fixed = torch.Generator().manual_seed(config.seed + 1_000_003)
        self.z_fixed = draw_z(G, N_FIXED, fixed).to(self.device)
        self.epoch = 0
        self.history: list[Row] = []
        self.samples: dict[int, Tensor] = {}
        self.run = None if out is None else Run(out, keep_last, milestones)
        if self.run is not None:
            with self.team.main_first():
                self._open_run(self.run)
        if not self.samples:
            self._sample()

    def _optimiser(self, network: nn.Module) -> torch.optim.Adam:
        c = self.config
        optimiser = torch.optim.Adam(network.parameters(), c.lr, c.betas, fused=True if self.plan.fused else None)
        self.team.join(optimiser)
        # Autocast keeps a weight's bfloat16 copy until its context ends; with k > 1 D would be judged by an old one.
        optimiser.register_step_post_hook(lambda *_: torch.clear_autocast_cache())
        return optimiser

    # -- the loop ------------------------------------------------------------------------------------------------

    def epochs(self) -> Iterator[Row]:
        """Train epoch by epoch up to config.epochs, yielding each epoch's row of history when it is done."""
        self._save_what_is_unsaved()
        while self.epoch < self.config.epochs:
            yield self._train_epoch(lambda steps: None)

    def fit(
        self, progress: bool = True, seconds: float = math.inf, watch: Callable[[Trainer], Any] | None = None
    ) -> list[Row]:
        """Train up to config.epochs and return the history. One tidy line is left on the screen.

        seconds: stop after the epoch at whose end another would probably exceed this many seconds in all.
        watch: called with this trainer before the first and after every epoch; a dashboard, for one.
        A keyboard interrupt (the stop button) ends the training and returns what there is: the networks keep what they
        have learned, also in the unfinished epoch; a run folder keeps its last whole epoch.
        """
        self._save_what_is_unsaved()
        start, first = time.perf_counter(), self.epoch
        rounds = self._rounds()
        bar = tqdm(
            total=rounds * self.config.epochs,
            initial=rounds * first,
            desc=self.config.model,
            unit="step",
            leave=False,
            disable=not (progress and self.team.is_main),
        )
        stopped = ""
        watch = watch or (lambda trainer: None)
        try:
            watch(self)
            while self.epoch < self.config.epochs:
                row = self._train_epoch(bar.update)
                bar.set_postfix(epoch=self.epoch, loss_d=f"{row['loss_d']:.3f}", loss_g=f"{row['loss_g']:.3f}")
                watch(self)
                if time.perf_counter() - start + row["seconds"] > seconds:
                    break
        except KeyboardInterrupt:
            stopped = f"; stopped by you in epoch {self.epoch + 1} of {self.config.epochs}"
        finally:
            bar.close()
        self._report(first, time.perf_counter() - start, stopped)
        return self.history

    def _save_what_is_unsaved(self) -> None:
        """After a save that failed (a full disk, say), the next fit() begins with it."""
        if self.run is None or not self.team.is_main or self.epoch in (0, *self.run.checkpointed_epochs()):
            return
        self.run.save(self._checkpoint())

    def _report(self, first: int, seconds: float, stopped: str) -> None:
        if not self.team.is_main:
            return
        n = self.epoch - first
        images = n * self._rounds() * self.config.k * self.config.batch_size
        print(
            f"{n} epoch{'s' * (n != 1)} of {self.config.model} in {seconds:.1f} s "
            f"({images / max(seconds, 1e-9):,.0f} images/s, {self.plan.precision}, {self.device.type}){stopped}"
        )

    def _rounds(self) -> int:
        """Rounds of Algorithm 1 in an epoch."""
        return len(self.images) // self.config.batch_size // self.config.k

    def _train_epoch(self, tick: Callable[[int], Any]) -> Row:
        start = time.perf_counter()
        self.G.train()
        self.D.train()
        rounds = self._rounds()
        sums, bad_step = torch.zeros(7, device=self.device), torch.tensor(-1, device=self.device)
        try:
            for step, stats in enumerate(self.rounds(), start=self.epoch * rounds + 1):
                sums += stats  # stays on the device: reading a number back would make it wait, at every step
                bad_step = torch.where((bad_step < 0) & ~stats[:2].isfinite().all(), step, bad_step)
                tick(1)
        except (RuntimeError, MemoryError) as error:
            if not memory.ran_out(error):
                raise
            error.__traceback__ = None  # it keeps the step's tensors alive
            self._out_of_memory()
        sums, bad_step = self.team.mean(sums).cpu(), self.team.largest(bad_step).cpu()
        if bad_step >= 0:
            self._diverged(int(bad_step))
        self.team.average_buffers(self.G, self.D)
        seconds = time.perf_counter() - start
        row: Row = {"epoch": self.epoch + 1}
        row |= {name: float(s) / rounds for name, s in zip(STATISTICS, sums, strict=True)}
        row |= {
            "images_per_second": rounds * self.config.k * self.config.batch_size / seconds,
            "seconds": seconds,
        }
        self.epoch += 1
        self._score(row)
        self.history.append(row)
        self._sample()
        if self.run is not None and self.team.is_main:
            self.run.save(self._checkpoint())
        self.team.wait()
        return row

    def rounds(self) -> Iterator[Tensor]:
        """One epoch, round by round: `train_step` on k batches, then the average; yields STATISTICS, (7,)."""
        c = self.config
        reals: list[Tensor] = []
        for x_real in self.images.batches(c.batch_size, self.rng):
            reals.append(x_real[self.team.rank :: self.team.size])
            if len(reals) < c.k:
                continue
            with self.plan.autocast():
                stats = self._round(reals)
            reals = []
            self._update_ema()
            yield stats

    def _round(self, x_reals: list[Tensor]) -> Tensor:
        c, (G, D) = self.config, self._step_networks
        step = partial(train_step, G, D, self.opt_g, self.opt_d, x_reals, self.rng, GENERATOR_LOSSES[c.loss], c.fresh_z)
        return step(self.team.share, self.accumulate)

    def _update_ema(self) -> None:
        """One step of the averaged generator: parameters averaged, BatchNorm's buffers copied."""
        if self.ema is None:
            return
        keep = 0.5 ** (self.config.batch_size * self.config.k / self.config.ema_half_life)
        with torch.no_grad():
            torch._foreach_lerp_(list(self.ema.parameters()), list(self.G.parameters()), 1 - keep)
            for average, now in zip(self.ema.buffers(), self.G.buffers(), strict=True):
                average.copy_(now)

    def _out_of_memory(self) -> None:
        for optimiser in (self.opt_g, self.opt_d):
            optimiser.zero_grad()
        batch = self.config.batch_size // self.team.size
        x = torch.zeros(batch, *self.images.shape, device=self.device)
        with self.plan.autocast():
            parts = memory.parts_that_fit(train_step, *self._step_networks, x, self.accumulate)
        what = f"{self.device.type} ran out of memory with {batch // self.accumulate} images at a time"
        if parts is None:
            raise memory.OutOfMemory(f"{what}, and fewer do not fit either; use smaller networks or another device.")
        raise memory.OutOfMemory(
            f"{what}; batches of {batch // parts} fit. Go on in {parts} parts: Trainer(..., accumulate={parts}), or "
            f"--accumulate {parts}. The batch stays {self.config.batch_size}"
            + (", and the run goes on after its last whole epoch." if self.run else ".")
        )

    def _diverged(self, step: int) -> None:
        have = self.run.checkpointed_epochs() if self.run else []
        where = (
            f"the last good checkpoint is {self.run.checkpoint_path(have[-1])}"
            if self.run and have
            else ("there is no checkpoint to go back to")
        )
        raise TrainingDiverged(
            f"a loss became NaN or infinite at step {step:,} (epoch {self.epoch + 1}); {where}. "
            f'Nothing was saved after it. Try a smaller lr (it is {self.config.lr:g}) or precision="float32".'
        )

    def _score(self, row: Row) -> None:
        """Put the score into this epoch's row. Once a run has that column, all rows have it, with nan for none."""
        if self.score is not None and self.epoch % self.score_every == 0:
            row["fid"] = self.score(self.G if self.ema is None else self.ema) if self.team.is_main else math.nan
        elif self.score is not None or any("fid" in earlier for earlier in self.history):
            row["fid"] = math.nan
        if "fid" in row:
            for earlier in self.history:
                earlier.setdefault("fid", math.nan)

    @torch.no_grad()
    def _sample(self) -> None:
        """Images from z_fixed, in eval mode: in train mode a preview would move BatchNorm's statistics."""
        network = self.G if self.ema is None else self.ema
        mode = network.training
        pixels = unscale(network.eval()(self.z_fixed)).cpu()
        network.train(mode)
        self.samples[self.epoch] = pixels
        if self.run is not None and self.team.is_main:
            self.run.save_samples(self.epoch, pixels)

    # -- stopping and going on -----------------------------------------------------------------------------------

    def _settings(self) -> dict[str, Any]:
        """What a run folder remembers; a run is resumed only where all but `epochs` and `computed` agree."""
        about = {"name": self.images.name, "count": len(self.images), "sha256": self.images.fingerprint}
        sizes = {n: [list(p.shape) for p in m.parameters()] for n, m in (("G", self.G), ("D", self.D))}
        return asdict(self.config) | {
            "betas": list(self.config.betas),
            "device": self.device.type,  # the random state of one kind of device means nothing to another
            "computed": {"precision": self.plan.precision, "fast": self.plan.fast, "processes": self.team.size}
            | ({"accumulate": self.accumulate} if self.accumulate > 1 else {}),
            "data": about,
            "parameters": sizes,
        }

    def _open_run(self, run: Run) -> None:
        mine = self._remembered = self._settings()
        run.agreed(mine)  # before the folder is taken from an older Trainer
        if not self.team.is_main:  # reads what the main process has left; only that one writes
            checkpoint, _ = run.newest()
            if checkpoint is not None:
                self._restore(checkpoint)
            return
        run.lock()
        try:
            theirs = run.agreed(mine)
            if theirs is None:
                run.write_config(mine)
                return
            checkpoint, complaints = run.newest()
            if complaints and checkpoint is None:
                raise RunError(
                    f"{run.folder} has checkpoints, but none can be used:\n  "
                    + "\n  ".join(complaints)
                    + "\nNothing was changed. "
                    "Remove them to start this run again, or choose another folder."
                )
            for complaint in complaints:
                print(f"skipped a checkpoint: {complaint}")
            if checkpoint is not None:
                self._restore(checkpoint)
                run.go_on_after(checkpoint)
                print(f"resuming {run.folder} after epoch {self.epoch}")
            if mine["computed"] != theirs.get("computed"):
                print(f"note: computed with {mine['computed']} from here on, before with {theirs.get('computed')}")
            if mine != theirs:
                run.write_config(mine)
        except BaseException:
            run.release()
            raise

    def _checkpoint(self) -> Checkpoint:
        tensors: dict[str, Tensor] = {}
        for name, network in self._networks().items():
            tensors |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        for name, optimiser in (("opt_g", self.opt_g), ("opt_d", self.opt_d)):
            for index, state in optimiser.state_dict()["state"].items():
                tensors |= {f"{name}.{index}.{key}": value for key, value in state.items()}
        tensors["rng.own"] = self.rng.get_state()
        tensors["rng.torch"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["rng.cuda"] = torch.cuda.get_rng_state(self.device)
        return Checkpoint(tensors, self.epoch, self._remembered, self.history)

    def _networks(self) -> dict[str, nn.Module]:
        return {"G": self.G, "D": self.D} | ({} if self.ema is None else {"ema": self.ema})

    def _restore(self, checkpoint: Checkpoint) -> None:
        with fitting(checkpoint):
            for name, network in self._networks().items():
                network.load_state_dict(checkpoint.network(name))
            for name, optimiser in (("opt_g", self.opt_g), ("opt_d", self.opt_d)):
                parameters = optimiser.param_groups[0]["params"]
                state: dict[int, dict[str, Tensor]] = {}
                for key, value in checkpoint.network(name).items():
                    index, field = key.split(".", 1)
                    if field != "step":  # the fused kernel walks memory: moments must lie as their parameter does
                        value = torch.empty_like(parameters[int(index)]).copy_(value)
                    state.setdefault(int(index), {})[field] = value
                optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
            self.rng.set_state(checkpoint.tensors["rng.own"])
            torch.set_rng_state(checkpoint.tensors["rng.torch"])
            if self.device.type == "cuda":
                torch.cuda.set_rng_state(checkpoint.tensors["rng.cuda"], self.device)
            self.epoch, self.history = checkpoint.epoch, list(checkpoint.history)
            have = self.run.samples() if self.run else {}
            self.samples = {epoch: pixels for epoch, pixels in have.items() if epoch <= self.epoch}
