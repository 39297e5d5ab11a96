"""Training over epochs: `Trainer` runs the rounds of an algorithm, keeps a history, and can be stopped and go on.

What a round is, is the algorithm's affair (`training.algorithms`); Algorithm 1 as one would write it by hand is
`train_step`, in `training.step`. `Trainer` draws samples from something fixed, and writes a run folder from which it
can go on. `gancourse.models.fast` is the same mathematics arranged for speed; `Config(fast=False, precision="float32")`
leaves it out, and then a loop written by hand gives the same bits.
"""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from gancourse.data.images import unscale
from gancourse.data.pairs import TrainingData, share_of
from gancourse.models import fast
from gancourse.models.base import eval_mode
from gancourse.training import out_of_memory, state, threads
from gancourse.training.algorithms.base import Algorithm, Setting
from gancourse.training.checkpoint import Checkpoint, RunError
from gancourse.training.config import Config, pick_device
from gancourse.training.history import History, Row, Samples
from gancourse.training.processes import Team
from gancourse.training.run import Run


class TrainingStopped(KeyboardInterrupt):
    """A training that is needed whole was interrupted; the message says what is kept and what to do.

    `Trainer.fit(whole=True)` raises it, `Trainer.epochs` and `training.comparing`. A notebook shows that line alone.
    """

    def _render_traceback_(self) -> list[str]:  # IPython asks for it
        return [f"stopped: {self}"]


class TrainingDiverged(RuntimeError):
    """A loss became NaN or infinite; the message names the step and the last good checkpoint."""


class Trainer:
    """Runs an algorithm over epochs and keeps what happened.

    algorithm: what a round is, with its networks, already initialised; they are moved to `device` and trained in place.
    data: what it is trained on: `Images`, or pairs (`data.pairs`); moved to `device` too.
    out: a run folder, or None to keep everything in memory. A folder that holds a run with the same config is resumed
        after its newest whole checkpoint; one with another config is refused with RunError, and the difference shown.
        It goes on with the threads that it had (see training.threads), unless you have set others.
    keep_last, milestones: which checkpoints stay (see run.Run).
    accumulate: parts that each batch passes the networks in, for batches that do not fit the device's memory.
    accelerator: an accelerate.Accelerator, to train as one of several processes (see training.processes).
    score, score_every: a number for the generator (its average, where there is one), taken after every so many epochs
        into history's column `fid`, nan for the others; `evaluation.quick_fid`, for one. It must change no state. A run
        may go on with another score or none.
    Raises ValueError for a batch larger than the data, parts that do not divide it, or a score_every below 1.

    .networks          name -> network; of Algorithm 1 "G" and "D"
    .averages          name -> averaged network; of Algorithm 1 "ema", the average of G. Empty without ema_half_life
    .history           one row of floats an epoch: epoch, the means of algorithm.statistics, images_per_second, seconds
    .samples           epoch -> (N, C, H, W) uint8 images from what is fixed, .fixed; epoch 0 is before training
    .epoch             epochs done
    """

    def __init__(
        self,
        algorithm: Algorithm,
        data: TrainingData,
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
        team = Team(accelerator)
        team.check_batch(config.batch_size)
        if accumulate < 1 or config.batch_size // team.size % accumulate:
            raise ValueError(
                f"accumulate is {accumulate}, expected a divisor of the batch of {config.batch_size // team.size} "
                "images that this process has."
            )
        if score_every < 1:
            raise ValueError(f"score_every is {score_every}, expected a number of epochs, at least 1.")
        self.score, self.score_every = score, score_every
        where = pick_device(device) if accelerator is None else accelerator.device
        plan = fast.plan(config.precision, config.fast, where, *algorithm.networks.values())
        self.algorithm, self.config, self.setting = algorithm, config, Setting(config, where, plan, team, accumulate)
        self.data = data.to(where)
        algorithm.start(self.setting)
        k = algorithm.batches_per_round
        if config.batch_size * k > len(data):
            raise ValueError(
                f"batch_size x k is {config.batch_size} x {k}, more than the {len(data)} images of "
                f"{data.name}; choose a smaller batch."
            )
        algorithm.check(self.data)
        self.networks = algorithm.networks
        self.averages = {
            name: copy.deepcopy(self.networks[source]).requires_grad_(False)
            for name, source in algorithm.averages.items()
            if config.ema_half_life
        }
        self.rng = torch.Generator(where).manual_seed(config.seed)
        self.fixed = _moved(algorithm.fixed(self.data, config.seed), where)
        self.epoch = 0
        self.history = History(marks=algorithm.marks())
        self.samples = Samples()
        self._threads: int | None = None  # of a run that goes on with another number than this process has
        self.run = None if out is None else Run(out, keep_last, milestones)
        if self.run is not None:
            with team.main_first():
                self._open_run(self.run)
        if not self.samples:
            self._sample()

    # -- the loop ------------------------------------------------------------------------------------------------

    def epochs(self) -> Iterator[Row]:
        """Train epoch by epoch up to config.epochs, yielding each epoch's row of history when it is done.

        A keyboard interrupt in an epoch raises TrainingStopped, which says from where the cell goes on.
        """
        self._save_what_is_unsaved()
        while self.epoch < self.config.epochs:
            row = None
            with contextlib.suppress(KeyboardInterrupt):
                row = self._train_epoch(lambda steps: None)
            if row is None:
                self._save_what_is_unsaved()
                raise TrainingStopped(f"by you in {self._epoch_of_all()}. {self._again()}")
            yield row

    def fit(
        self,
        progress: bool = True,
        seconds: float = math.inf,
        watch: Callable[[Trainer], Any] | None = None,
        until: int | None = None,
        whole: bool = False,
    ) -> list[Row]:
        """Train up to config.epochs and return the history. One tidy line is left on the screen.

        until: stop after this epoch; None for config.epochs. Rates that fall do so as for config.epochs.
        seconds: stop after the epoch at whose end another would probably exceed this many seconds in all.
        watch: called with this trainer before the first and after every epoch; a dashboard, for one.
        A keyboard interrupt (the stop button) ends the training and returns what there is: the networks keep what they
        have learned, also in the unfinished epoch; a run folder keeps its last whole epoch.
        whole: what comes next needs the whole training, as a comparison or a second stage does: an interrupt raises
        TrainingStopped then, which ends a notebook's cell, and says from where the cell goes on when it is run again.
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
            disable=not (progress and self.setting.team.is_main),
        )
        stopped = ""
        watch, last = watch or (lambda trainer: None), min(self.config.epochs, until or self.config.epochs)
        try:
            watch(self)
            while self.epoch < last:
                row = self._train_epoch(bar.update)
                bar.set_postfix(epoch=self.epoch, **{name: f"{row[name]:.3f}" for name in self._losses()})
                watch(self)
                if time.perf_counter() - start + row["seconds"] > seconds:
                    break
        except KeyboardInterrupt:
            stopped = f"; stopped by you in {self._epoch_of_all()}"
            stopped += "" if self.history else ", so that there are no numbers of a whole epoch yet"
            self._save_what_is_unsaved()  # an epoch was done, and the interrupt came while it was drawn or saved
        finally:
            bar.close()
        self._report(first, time.perf_counter() - start, stopped)
        if whole and stopped and self.epoch < last:
            raise TrainingStopped(f"what comes next needs all of this training. {self._again()}")
        return self.history

    def _epoch_of_all(self) -> str:
        return f"epoch {min(self.epoch + 1, self.config.epochs)} of {self.config.epochs}"

    def _again(self) -> str:
        again = "begins anew"
        if self.run is not None and self.epoch:
            again = f"goes on after epoch {self.epoch}, which {self.run.folder} keeps"
        return f"Run the cell again before you go on: it {again}."

    def _save_what_is_unsaved(self) -> None:
        """After a save that failed (a full disk, say) or was stopped, the next fit() begins with it."""
        if self.epoch not in self.samples:
            self.samples[self.epoch] = self._drawn()
        if self.run is None or not self.setting.team.is_main or self.epoch in (0, *self.run.checkpointed_epochs()):
            return
        self.run.save_samples(self.epoch, self.samples[self.epoch])
        self.run.save(self._checkpoint())

    def _report(self, first: int, seconds: float, stopped: str) -> None:
        if not self.setting.team.is_main:
            return
        n = self.epoch - first
        images = n * self._rounds() * self._images_per_round()
        print(
            f"{n} epoch{'s' * (n != 1)} of {self.config.model} in {seconds:.1f} s "
            f"({images / max(seconds, 1e-9):,.0f} images/s, {self.setting.plan.precision}, {self.setting.device.type})"
            f"{stopped}"
        )

    def _rounds(self) -> int:
        """Rounds in an epoch."""
        return len(self.data) // self._images_per_round()

    def _images_per_round(self) -> int:
        return self.config.batch_size * self.algorithm.batches_per_round

    def _losses(self) -> list[str]:
        return [name for name in self.algorithm.statistics if name.startswith("loss")]

    def _train_epoch(self, tick: Callable[[int], Any]) -> Row:
        with threads.computing_with(self._threads):
            return self._one_epoch(tick)

    def _one_epoch(self, tick: Callable[[int], Any]) -> Row:
        start, device = time.perf_counter(), self.setting.device
        self.algorithm.begin_epoch(self.epoch)
        for network in self.networks.values():
            network.train()
        names, rounds = self.algorithm.statistics, self._rounds()
        must_be_finite = torch.tensor([name.startswith("loss") for name in names], device=device)
        each = torch.zeros(rounds, len(names), device=device)
        try:
            for step, stats in enumerate(self.rounds()):
                each[step] = stats  # stays on the device: reading a number back would make it wait, at every step
                tick(1)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory.ran_out(error):
                raise
            error.__traceback__ = None  # it keeps the step's tensors alive
            self._out_of_memory()
        bad = (~each[:, must_be_finite].isfinite().all(1)).int()
        first = torch.where(bad.any(), rounds - bad.argmax(), 0)  # counted from the end: the earliest is the largest
        sums, first = self.setting.team.mean(each.sum(0)).cpu(), self.setting.team.largest(first).cpu()
        if first:
            self._diverged((self.epoch + 1) * rounds - int(first) + 1)
        self.setting.team.average_buffers(*self.networks.values())
        seconds = time.perf_counter() - start
        row: Row = {"epoch": self.epoch + 1}
        row |= {name: float(s) / rounds for name, s in zip(names, sums, strict=True)}
        row |= {"images_per_second": rounds * self._images_per_round() / seconds, "seconds": seconds}
        self.epoch += 1
        try:
            self._score(row)
        finally:  # an epoch that was trained has its row, even where somebody stops the scoring
            self.history.append(row)
        self._sample()
        if self.run is not None and self.setting.team.is_main:
            self.run.save(self._checkpoint())
        self.setting.team.wait()
        return row

    def rounds(self) -> Iterator[Tensor]:
        """One epoch, round by round: the algorithm's, then the averages; yields its statistics, (len(statistics),)."""
        team, batches = self.setting.team, []
        for batch in self.data.batches(self.config.batch_size, self.rng):
            batches.append(share_of(batch, team.rank, team.size))
            if len(batches) < self.algorithm.batches_per_round:
                continue
            with self.setting.plan.autocast():
                stats = self.algorithm.round(batches, self.rng)
            batches = []
            self._update_averages()
            yield stats

    def _update_averages(self) -> None:
        """One step of the averaged networks: parameters averaged, BatchNorm's buffers copied."""
        keep = 0.5 ** (self._images_per_round() / self.config.ema_half_life) if self.averages else 1.0
        with torch.no_grad():
            for name, average in self.averages.items():
                source = self.networks[self.algorithm.averages[name]]
                torch._foreach_lerp_(list(average.parameters()), list(source.parameters()), 1 - keep)
                for mean, now in zip(average.buffers(), source.buffers(), strict=True):
                    mean.copy_(now)

    def _out_of_memory(self) -> None:
        for optimiser in self.algorithm.optimisers.values():
            optimiser.zero_grad()
        batch, now, device = (
            self.config.batch_size // self.setting.team.size,
            self.setting.accumulate,
            self.setting.device,
        )

        def attempt(parts: int) -> None:
            rng = torch.Generator(device)
            batches = list(islice(self.data.batches(self.config.batch_size, rng), self.algorithm.batches_per_round))
            twin = self.algorithm.twin(parts)
            with self.setting.plan.autocast():
                twin.round([share_of(b, self.setting.team.rank, self.setting.team.size) for b in batches], rng)

        parts = out_of_memory.parts_that_fit(attempt, batch // self.algorithm.together, now, device)
        what = f"{device.type} ran out of memory with {batch // now} images at a time"
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
        if self.score is not None or any("fid" in earlier for earlier in self.history):
            row["fid"] = math.nan
            for earlier in self.history:
                earlier.setdefault("fid", math.nan)
        if self.score is not None and self.epoch % self.score_every == 0 and self.setting.team.is_main:
            on = self.setting.device
            # Its random numbers are not the run's: loading a judge, say, draws some, once in every process.
            with torch.random.fork_rng(devices=[on] if on.type == "cuda" else []):
                row["fid"] = self.score(self._shown())

    def _shown(self) -> nn.Module:
        """What is scored: the first average, or the network that it would be taken of."""
        name, source = next(iter(self.algorithm.averages.items()))
        return self.averages.get(name, self.networks[source])

    @torch.no_grad()
    def _drawn(self) -> Tensor:
        """uint8 samples in eval mode: in train mode a preview would move BatchNorm's statistics."""
        everything = self.networks | self.averages
        with eval_mode(*everything.values()):
            return unscale(self.algorithm.sample(everything, self.fixed)).cpu()

    def _sample(self) -> None:
        pixels = self.samples[self.epoch] = self._drawn()
        if self.run is not None and self.setting.team.is_main:
            self.run.save_samples(self.epoch, pixels)

    # -- stopping and going on -----------------------------------------------------------------------------------

    def _settings(self) -> dict[str, Any]:
        """What a run folder remembers; a run is resumed only where all but run.FREE_SETTINGS agree."""
        setting, plan = self.setting, self.setting.plan
        about = {"name": self.data.name, "count": len(self.data), "sha256": self.data.fingerprint}
        return asdict(self.config) | {
            "betas": list(self.config.betas),
            "algorithm": self.algorithm.name,
            "device": setting.device.type,  # the random state of one kind of device means nothing to another
            "computed": {"precision": plan.precision, "fast": plan.fast, "processes": setting.team.size}
            | ({"accumulate": setting.accumulate} if setting.accumulate > 1 else {})
            | ({"threads": self._threads or torch.get_num_threads()} if setting.device.type == "cpu" else {}),
            "data": about,
            "parameters": {n: [list(p.shape) for p in m.parameters()] for n, m in self.networks.items()},
            "options": {n: getattr(m, "options", {}) for n, m in self.networks.items()},
            **self.algorithm.settings(),
        }

    def _open_run(self, run: Run) -> None:
        theirs = run.agreed(self._settings())  # before the folder is taken from an older Trainer
        if theirs is not None and self.setting.device.type == "cpu":
            self._threads = threads.to_go_on(theirs.get("computed"))
        mine = self._remembered = self._settings()
        if not self.setting.team.is_main:  # reads what the main process has left; only that one writes
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
            before = theirs.get("computed")
            silent = isinstance(before, dict) and "threads" not in before  # a run of an earlier version
            now = {k: v for k, v in mine["computed"].items() if k != "threads" or not silent}
            if now != before:
                print(f"note: computed with {now} from here on, before with {before}")
            if mine != theirs:
                run.write_config(mine)
        except BaseException:
            run.release()
            raise

    def _checkpoint(self) -> Checkpoint:
        tensors = state.take(self.networks | self.averages, self.algorithm.optimisers, self.rng)
        return Checkpoint(tensors, self.epoch, self._remembered, list(self.history))

    def _restore(self, checkpoint: Checkpoint) -> None:
        state.put_back(checkpoint, self.networks | self.averages, self.algorithm.optimisers, self.rng)
        self.epoch = checkpoint.epoch
        self.history = History(checkpoint.history, self.algorithm.marks())
        n, _, h, w = self._drawn().shape
        have = self.run.samples(n, (h, w)) if self.run else {}
        self.samples = Samples({epoch: pixels for epoch, pixels in have.items() if epoch <= self.epoch})


def _moved(fixed: Any, device: torch.device) -> Any:
    """A tensor, or a tuple of tensors, on the device."""
    return tuple(part.to(device) for part in fixed) if isinstance(fixed, tuple) else fixed.to(device)
