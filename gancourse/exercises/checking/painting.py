"""Checks of lesson 08's paints: what L1 alone puts where everything is possible, and a G that keeps its dice."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import close, numbers

# --- the best constant -----------------------------------------------------------------------------------------------

#: Three of the church's stones, red, green and blue out of 255, and how many of 20 walls have each.
STONES = {"limestone": (226.0, 212.0, 182.0), "brick": (184.0, 98.0, 74.0), "granite": (158.0, 158.0, 162.0)}
SHARES = {"limestone": 9, "brick": 7, "granite": 4}


def walls() -> Tensor:
    """The 20 walls, (20, 3), float32, in a mixed order."""
    rows = [STONES[name] for name, count in SHARES.items() for _ in range(count)]
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    return torch.tensor(rows)[order]


def check_best_constant(call: StudentFunction) -> str:
    """The check of `lesson08.best_constant`: best_constant(values, loss), values (N, C), "l1" or "l2" -> (C,)."""
    for values in (walls(), torch.randn(9, 3) ** 3, torch.randn(6, 2).exp()):
        for loss in ("l1", "l2"):
            given = values.clone()
            answer = call(given, loss)
            if not torch.equal(given, values):
                raise Wrong("It changes `values` in place: sort or change a copy.")
            _judge_constant(answer, values.double(), loss)
    middle, mean = walls().median(0).values, walls().mean(0)
    told = [", ".join(f"{v:.0f}" for v in colour) for colour in (middle, mean)]
    return (
        f"L1 paints the median of each channel, ({told[0]}) for these walls: the red of brick with the green and blue "
        f"of granite, a mauve that no church has. L2 paints the mean, ({told[1]})."
    )


def _cost(colour: Tensor, values: Tensor, loss: str) -> Tensor:
    """The mean loss in each channel, (C,)."""
    gaps = values - colour
    return gaps.abs().mean(0) if loss == "l1" else gaps.square().mean(0)


def _judge_constant(answer: Any, values: Tensor, loss: str) -> None:
    found = numbers(answer)
    n, channels = values.shape
    if tuple(found.shape) == (n,) and n != channels:
        raise Wrong(
            f"It returned {n} numbers, one for each value: one constant is asked for, a number for each channel."
        )
    if found.numel() == 1 != channels:
        raise Wrong("It returned a single number for all channels: each channel has its own.")
    if found.numel() != channels:
        raise Wrong(f"It returned {describe((answer,))}: {channels} numbers are expected, one for each channel.")
    found = found.reshape(channels)
    mean, middle = values.mean(0), values.median(0).values
    best = _cost(middle if loss == "l1" else mean, values, loss)
    if close(_cost(found, values, loss), best, rtol=1e-6, atol=1e-9):
        return
    cheapest = values[torch.stack([_cost(row, values, loss).sum() for row in values]).argmin()]
    mistakes = [
        (mean if loss == "l1" else middle, _OTHER[loss]),
        (values.mean().expand(channels), "One number for all channels: each has its own."),
        (cheapest, "That is one of the values, the best of them: the constant may be any colour, channel by channel."),
        ((values.amin(0) + values.amax(0)) / 2, "Halfway between the extremes: that makes the *largest* loss small."),
    ]
    for wrong, message in mistakes:
        if close(found, wrong, rtol=1e-4, atol=1e-5):
            raise Wrong(message)
    cost = float(_cost(found, values, loss).sum())
    raise Wrong(
        f"With {loss!r} and {n} values the constant {describe(([round(v, 3) for v in found.tolist()],))} costs "
        f"{cost:.5g}, and {float(best.sum()):.5g} can be had."
    )


_OTHER = {
    "l1": "That is the mean, which L2 asks for. Under L1 every value pulls with the same force, near or far: as many "
    "must lie above as below.",
    "l2": "That is the median, which L1 asks for: squares have their minimum at the mean.",
}

# --- painting --------------------------------------------------------------------------------------------------------


class _Painter(nn.Module):
    """Pictures (B, 3, H, W) -> pictures; BatchNorm and dropout in several depths, as in a U-Net."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Dropout(0.5))
        inner = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Dropout(0.5))
        self.blocks = nn.ModuleList([nn.Sequential(nn.ReLU(), inner)])
        self.drop = nn.Dropout(0.5)
        self.last = nn.Conv2d(8, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        painted: Tensor = self.last(self.drop(x)).tanh()
        return painted


def _trained() -> _Painter:
    """A painter whose statistics are not where they start, nor those of the batch to come."""
    G = _Painter().train()
    for _ in range(20):
        G(2 * torch.randn(8, 3, 6, 6) + 1)
    return G


class _Watch:
    """Notes in which mode a G's BatchNorms and dropouts run, of copies of it as well."""

    def __init__(self, G: nn.Module) -> None:
        self.modes: dict[str, set[bool]] = {"norm": set(), "drop": set()}
        self.painted: list[Tensor] = []
        for module in G.modules():
            if isinstance(module, nn.BatchNorm2d | nn.Dropout):
                module.register_forward_hook(self._note)
        G.register_forward_hook(self._keep)

    def _note(self, module: nn.Module, given: Any, out: Any) -> None:
        self.modes["norm" if isinstance(module, nn.BatchNorm2d) else "drop"].add(module.training)

    def _keep(self, module: nn.Module, given: Any, out: Tensor) -> None:
        self.painted.append(out.detach().clone())

    def __deepcopy__(self, memo: dict[int, Any]) -> _Watch:
        return self  # its hooks in a copied network report here


def check_paint(call: StudentFunction) -> str:
    """The check of `lesson08.paint`: paint(G, x), with dropout on and BatchNorm's stored statistics."""
    for training in (True, False):
        G = _trained().train(training)
        G.first[1].eval()  # a part of G that has a mode of its own
        state, modes = copy.deepcopy(G.state_dict()), [m.training for m in G.modules()]
        x = torch.randn(4, 3, 6, 6)
        watch = _Watch(G)
        value = call(G, x.clone())
        _judge_painted(value, x, watch)
        if any(not torch.equal(a, b) for a, b in zip(G.state_dict().values(), state.values(), strict=True)):
            raise Wrong(
                "G has changed: a forward of BatchNorm in train mode moves its running statistics, under `no_grad` "
                "too. Put BatchNorm into eval mode, and leave dropout alone on."
            )
        _judge_modes(watch)
        now = [m.training for m in G.modules()]
        left = _left(G, training)
        again = call(G, x.clone())
        if torch.equal(again, value):
            raise Wrong("Two calls paint the same picture: dropout is G's only noise, and it is to be drawn afresh.")
        if now != modes:
            raise Wrong(left)
    return (
        "Statistics from the training, and noise from the dropout: the same map gives another picture each time, and a "
        "picture does not depend on the others in its batch."
    )


def _judge_painted(value: Any, x: Tensor, watch: _Watch) -> None:
    if not isinstance(value, Tensor) or value.shape != x.shape:
        raise Wrong(f"It returned {describe((value,))}: G's pictures are expected, of shape {tuple(x.shape)}.")
    made = torch.cat(watch.painted) if watch.painted else x[:0]
    if len(made) > len(x):
        if len(made) % len(x) == 0 and close(value.detach(), made.reshape(-1, *x.shape).mean(0), rtol=1e-3, atol=1e-4):
            raise Wrong(
                "The mean of several paintings is grey where they differ: one draw of the dropout is asked for."
            )
        made = made[-len(x) :]
    if not close(value.detach(), made):
        raise Wrong("These are not the pictures that G painted: return them as they are.")


def _judge_modes(watch: _Watch) -> None:
    norms, drops = watch.modes["norm"], watch.modes["drop"]
    if True in norms and True in drops and False not in drops:
        raise Wrong(
            "BatchNorm normalises by the batch at hand, as in training: then a picture depends on the others in its "
            "batch. (A copy of G, or a momentum of 0, saves the statistics, and not that.) Put it into eval mode."
        )
    if True in norms:
        raise Wrong("BatchNorm runs in train mode and dropout does not, or not all: it is the other way round.")
    if drops == {False}:
        raise Wrong(
            "Dropout is off in eval mode, and G has no other noise: put every `nn.Dropout` back into train mode."
        )
    if False in drops:
        raise Wrong("Some dropout is off: they stand within blocks too. Go through all of `G.modules()`.")


def _left(G: nn.Module, training: bool) -> str:
    now = [m.training for m in G.modules()]
    if not any(now) and training:
        return "G is left in eval mode: the training goes on after this look at it."
    if all(now):
        return "All of G is put into train mode at the end: give each part back the mode that it had."
    dropouts = [m.training for m in G.modules() if isinstance(m, nn.Dropout)]
    if all(dropouts) and sum(now) == len(dropouts):
        return "Dropout is left on and the rest in eval mode: give each part back the mode that it had."
    return "Not every part of G is back in the mode that it had: note `m.training` of all `G.modules()`, and set it."
