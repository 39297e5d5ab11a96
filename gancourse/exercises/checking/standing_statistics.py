"""The check of lesson 12's standing statistics: BatchNorm's averages over many batches, weighted alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import close


class _Generator(nn.Module):
    """z (B, 5) -> images (B, 2, 3, 3), with two BatchNorms that have run already, and a record of what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(5, 36, bias=False), nn.Unflatten(1, (4, 3, 3)))
        self.norm1 = nn.BatchNorm2d(4)
        self.middle = nn.Sequential(nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1, bias=False))
        self.norm2 = nn.BatchNorm2d(3)
        self.last = nn.Sequential(nn.ReLU(), nn.Conv2d(3, 2, 1), nn.Tanh())
        self.seen: list[tuple[Tensor, bool]] = []
        for norm in (self.norm1, self.norm2):
            norm.running_mean.normal_()  # type: ignore[union-attr, operator]
            norm.running_var.uniform_(2, 3)  # type: ignore[union-attr, operator]
            norm.num_batches_tracked.fill_(500)  # type: ignore[union-attr, operator]
            nn.init.normal_(norm.weight, 1.0, 0.3)

    def forward(self, z: Tensor) -> Tensor:
        self.seen.append((z.detach().clone(), self.norm1.training))
        h = self.norm2(self.middle(self.norm1(self.first(z))))
        y: Tensor = self.last(h)
        return y

    @torch.no_grad()
    def moments(self, z: Tensor, correction: int = 1) -> dict[str, Tensor]:
        """The mean and the variance of this batch in both BatchNorms, by their names in the state."""
        h1 = self.first(z)
        axes = (0, 2, 3)
        normed = nn.functional.batch_norm(h1, None, None, self.norm1.weight, self.norm1.bias, training=True)
        found = {}
        for name, h in (("norm1", h1), ("norm2", self.middle(normed))):
            found[f"{name}.running_mean"] = h.mean(axes)
            found[f"{name}.running_var"] = h.var(axes, correction=correction)
        return found


def check_standing(call: StudentFunction) -> str:
    """The check of `lesson12.standing`: standing(G, zs) sets BatchNorm's statistics in place, and leaves G in eval."""
    for was_training, n in ((True, 6), (False, 3)):
        G = _Generator().train(was_training)
        norms = {name: m.momentum for name, m in G.named_modules() if isinstance(m, nn.BatchNorm2d)}
        before = {name: value.clone() for name, value in G.state_dict().items()}
        zs = [torch.randn(8, 5) * (0.5 + i) + 0.3 * i for i in range(n)]
        call.in_place(G, [z.clone() for z in zs])
        _judge_calls(G, zs)
        after = {name: value.clone() for name, value in G.state_dict().items()}
        changed = [name for name, p in G.named_parameters() if not torch.equal(p.detach(), before[name])]
        if changed:
            raise Wrong(f"`{changed[0]}` has changed: only BatchNorm's running statistics are set anew.")
        _judge_statistics(G, zs, before, after)
        if any(p.grad is not None for p in G.parameters()):
            raise Wrong("Weights have gradients now: nothing is learned here, so use `torch.no_grad()`.")
        if any(m.training for m in G.modules()):
            raise Wrong("G, or a part of it, is left in train mode: the statistics are there to be used, `G.eval()`.")
        for name, momentum in norms.items():
            if G.get_submodule(name).momentum != momentum:
                raise Wrong(
                    f"`{name}.momentum` is left at {G.get_submodule(name).momentum}, and was {momentum}: put it back, "
                    "or a training that goes on would average differently."
                )
    return (
        "Now an image depends on its z alone, and not on those beside it. A running average forgets: with torch's "
        "momentum the last batch counts a tenth, and all but the last twenty or so a tenth together."
    )


def _judge_calls(G: _Generator, zs: list[Tensor]) -> None:
    if not G.seen:
        raise Wrong("G is never called: its BatchNorms measure what comes by.")
    together = torch.cat(zs)
    if any(z.shape == together.shape and close(z, together) for z, _ in G.seen) and len(zs) > 1:
        raise Wrong(
            "All z are put into one batch, which for many of them does not fit into memory: take them batch by batch, "
            "and average the batches' statistics."
        )
    if not all(training for _, training in G.seen):
        raise Wrong("G is in eval mode when it is called: BatchNorm then measures nothing. `G.train()` first.")
    if len(G.seen) != len(zs) or not all(close(z, given) for (z, _), given in zip(G.seen, zs, strict=True)):
        raise Wrong(f"G is to be called once on each of the {len(zs)} batches, and was called {len(G.seen)} times.")


def _judge_statistics(G: _Generator, zs: list[Tensor], before: dict[str, Tensor], after: dict[str, Tensor]) -> None:
    batches = [G.moments(z) for z in zs]
    biased = [G.moments(z, correction=0) for z in zs]
    for name in batches[0]:
        each = torch.stack([batch[name] for batch in batches])
        found, n = after[name], len(zs)
        if close(found, each.mean(0), rtol=1e-3, atol=1e-5):
            continue
        start = torch.zeros_like(found) if name.endswith("mean") else torch.ones_like(found)
        mistakes = [
            (before[name], "is as it was: nothing has been measured."),
            (
                _run(before[name], each, 0.1),
                "is a running average with torch's momentum of .1: the old statistics are still in it, and the last "
                "batches count most. Reset it, and set `momentum = None`, torch's word for a plain average.",
            ),
            (
                _run(start, each, 0.1),
                "is a running average with torch's momentum of .1: the beginning, 0 or 1, is still in it, and the last "
                "batches count most. `momentum = None` is torch's word for a plain average.",
            ),
            (
                _continued(before[name], each, 500),
                "still has the old statistics in it, as 500 batches of 500 and some: `reset_running_stats()` first.",
            ),
            (each[-1], "is that of the last batch alone: all batches count alike."),
            (each[0], "is that of the first batch alone: all batches count alike."),
            (each.sum(0), "is a sum over the batches: divide by how many there are."),
            ((start + each.sum(0)) / (n + 1), "counts the beginning, 0 or 1, as a batch of its own: leave it out."),
            (
                torch.stack([batch[name] for batch in biased]).mean(0),
                "divides by n: a running variance is torch's own, over n - 1.",
            ),
            (each.median(0).values, "is the median of the batches: take their mean."),
            (start, "is back at its beginning, 0 or 1: after the reset the batches have to go through G."),
        ]
        for wrong, message in mistakes:
            if close(found, wrong, rtol=1e-3, atol=1e-5):
                raise Wrong(f"`{name}` {message}")
        raise Wrong(f"`{name}` is not the mean of the {n} batches' own, each counted alike.")


def _run(start: Tensor, each: Tensor, momentum: float) -> Tensor:
    found = start
    for value in each:
        found = (1 - momentum) * found + momentum * value
    return found


def _continued(start: Tensor, each: Tensor, count: int) -> Tensor:
    return (count * start + each.sum(0)) / (count + len(each))
