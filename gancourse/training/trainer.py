"""Training over epochs: `Trainer` runs Algorithm 1, keeps a history, and can be stopped and go on.

The algorithm itself is `train_step`, in `gancourse.training.step`. `Trainer` draws samples from one fixed z, and writes
a run folder from which it can go on. `gancourse.models.fast` is the same mathematics arranged for speed;
`Config(fast=False, precision="float32")` leaves it out, and then a loop written by hand gives the same bits.
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

from gancourse.data.images import Images, unscale
from gancourse.models import fast
from gancourse.models.clusters import TornGenerator
from gancourse.training import out_of_memory, state
from gancourse.training.config import Config, pick_device
from gancourse.training.losses import GENERATOR_LOSSES
from gancourse.training.processes import Team
from gancourse.training.run import Checkpoint, Row, Run, RunError
from gancourse.training.step import STATISTICS, draw_z, train_step

__all__ = ["STATISTICS", "Config", "Trainer", "TrainingDiverged", "draw_z", "pick_device", "train_step"]

N_FIXED = 64


class TrainingDiverged(RuntimeError):
    """A loss became NaN or infinite; the message names the step and the last good checkpoint."""


class Trainer:
    """Trains a generator against a discriminator and keeps what happened.

    G, D: generator and discriminator, already initialised; they are moved to `device` and trained in place.
    images: what D is to believe in; moved to `device` too.
    out: a run folder, or None to keep everything in memory. A folder that holds a run with the same config is resumed
        after its newest whole checkpoint; one with another config is refused with RunError, and the difference shown.
    keep_last, milestones: which checkpoints stay (see runs.Run).
    accumulate: parts that each batch passes the networks in, for batches that do not fit the device's memory.
    accelerator: an accelerate.Accelerator, to train as one of several processes (see gancourse.training.processes).
    score, score_every: a number for the generator (its average, where there is one), taken after every so many epochs
        into history's column `fid`, nan for the others; `evaluation.quick_fid`, for one. It must change no state. A run
        may go on with another score or none.
    Raises ValueError for a batch larger than the data, parts that do not divide it, or a score_every below 1.

    .G .D .ema         the networks (ema: the averaged generator, or None)
    .history           one row of floats an epoch: epoch, the STATISTICS' means, images_per_second, seconds
    .samples           epoch -> (64, C, H, W) uint8 images from the one fixed z, .z_fixed; epoch 0 is before training
    .epoch             epochs done
    """

    tells_clusters = False  # D, of each fake image

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
        if isinstance(G, TornGenerator) and not self.tells_clusters:
            raise ValueError(
                f"{type(G).__name__} is given to Trainer, which tells D no clusters; use RegularisedTrainer."
            )
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
            if not out_of_memory.ran_out(error):
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
            parts = out_of_memory.parts_that_fit(train_step, *self._step_networks, x, self.accumulate)
        what = f"{self.device.type} ran out of memory with {batch // self.accumulate} images at a time"
        if parts is None:
            raise out_of_memory.OutOfMemory(
                f"{what}, and fewer do not fit either; use smaller networks or another device."
            )
        raise out_of_memory.OutOfMemory(
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
        tensors = state.take(self._networks(), self._optimisers(), self.rng)
        return Checkpoint(tensors, self.epoch, self._remembered, self.history)

    def _networks(self) -> dict[str, nn.Module]:
        return {"G": self.G, "D": self.D} | ({} if self.ema is None else {"ema": self.ema})

    def _optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {"opt_g": self.opt_g, "opt_d": self.opt_d}

    def _restore(self, checkpoint: Checkpoint) -> None:
        state.put_back(checkpoint, self._networks(), self._optimisers(), self.rng)
        self.epoch, self.history = checkpoint.epoch, list(checkpoint.history)
        have = self.run.samples() if self.run else {}
        self.samples = {epoch: pixels for epoch, pixels in have.items() if epoch <= self.epoch}
