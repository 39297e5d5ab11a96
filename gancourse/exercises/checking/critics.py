"""Checks of lesson 07's critics: weights clipped in place, scores that are an image's own, a look without a trace."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import close, numbers

# --- clipping --------------------------------------------------------------------------------------------------------


def _normed() -> nn.Sequential:
    """A small D with BatchNorm, whose weights and statistics are not where they start."""
    D = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.LeakyReLU(0.2), nn.Sequential(nn.Flatten(), nn.Linear(16, 1))
    )
    D(torch.randn(8, 1, 4, 4) + 2)
    for parameter in D.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
        parameter.grad = torch.randn_like(parameter)
    return D


def check_clip(call: StudentFunction) -> str:
    """The check of `lesson07.clip_weights`: clip_weights(D, c), in place."""
    for c in (0.25, 0.01):
        D = _normed()
        old, identities = copy.deepcopy(D), [id(p) for p in D.parameters()]
        gradients = [p.grad.clone() for p in D.parameters() if p.grad is not None]
        call.in_place(D, c)
        before, after = list(old.named_parameters()), list(D.parameters())
        if [id(p) for p in after] != identities:
            raise Wrong(
                "D has new parameters now, and the optimiser still holds the old ones: change the numbers in place, "
                "`p.clamp_(-c, c)` under `torch.no_grad()`."
            )
        if not all(p.requires_grad and p.is_leaf for p in after):
            raise Wrong("D's weights no longer ask for gradients: D could not learn any more.")
        if any(p.grad is None or not torch.equal(p.grad, g) for p, g in zip(after, gradients, strict=True)):
            raise Wrong("The gradients have changed: what is clipped are the weights (`clip_grad_` is something else).")
        if any(not torch.equal(a, b) for a, b in zip(D.buffers(), old.buffers(), strict=True)):
            raise Wrong(
                "BatchNorm's running statistics have been clipped too: they are no weights. Go through "
                "`D.parameters()`, not through the state dict."
            )
        _judge_clipped(before, after, c)
    return (
        "Every number of D lies in [-c, c] now. BatchNorm's scale too, which was about 1 before and is 0.01 now: each "
        "such layer shrinks the gradient on its way to G a hundredfold."
    )


def _judge_clipped(before: list[tuple[str, nn.Parameter]], after: list[nn.Parameter], c: float) -> None:
    def became(rule: Callable[[Tensor], Tensor]) -> bool:
        return all(close(p.detach(), rule(o.detach()), atol=1e-7) for (_, o), p in zip(before, after, strict=True))

    if became(lambda w: w.clamp(-c, c)):
        return
    largest = max(float(old.detach().abs().max()) for _, old in before)
    mistakes: list[tuple[Callable[[Tensor], Tensor], str]] = [
        (lambda w: w, "D has not changed: `torch.clamp` returns a new tensor, `clamp_` changes the one at hand."),
        (lambda w: w.clamp(max=c), "Only weights above c are cut: those below -c as well."),
        (lambda w: w.clamp(min=-c), "Only weights below -c are cut: those above c as well."),
        (lambda w: w.clamp(0, c), "Negative weights became 0: the interval is [-c, c]."),
        (lambda w: c * w.sign(), "Every weight became -c or c: those between are left as they are."),
        (
            lambda w: w * (c / w.abs().max()).clamp(max=1),
            "Each layer is scaled down: clipping leaves small weights alone.",
        ),
        (lambda w: w * (c / largest), "All weights are scaled down: clipping leaves small ones alone."),
        (
            lambda w: w * (c / w.norm()).clamp(max=1),
            "The norm of each tensor is limited: here each number on its own is.",
        ),
        (lambda w: torch.where(w.abs() > c, 0.0, w), "Weights outside of [-c, c] became 0: they become -c or c."),
    ]
    for rule, message in mistakes:
        if became(rule):
            raise Wrong(message)
    left = [name for (name, _), p in zip(before, after, strict=True) if float(p.detach().abs().max()) > c * (1 + 1e-6)]
    if left:
        raise Wrong(
            f"Some weights are still outside of [-{c:g}, {c:g}]: {', '.join(left)}. Clip every one of "
            "`D.parameters()`, biases and BatchNorm's among them."
        )
    raise Wrong(f"The weights are not those that clipping to [-{c:g}, {c:g}] leaves: `p.clamp_(-c, c)` for each.")


# --- scores of one image, and an evaluation without a trace ----------------------------------------------------------


class _ByHand(nn.Module):
    """BatchNorm under another name: each pixel less the batch's mean there."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0)


class _Spread(nn.Module):
    """A minibatch standard deviation, as one more channel (Karras et al. 2018)."""

    def forward(self, x: Tensor) -> Tensor:
        spread = x.std(0, unbiased=False).mean().expand(len(x), 1, *x.shape[2:])
        return torch.cat([x, spread], 1)


def _critic(*middle: nn.Module, c: int = 4) -> nn.Sequential:
    """Images (B, 1, 6, 6) -> scores (B,)."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        *middle,
        nn.LeakyReLU(0.2),
        nn.Conv2d(c, 2, 2),
        nn.Flatten(),
        nn.Linear(18, 1),
        nn.Flatten(0),
    )


_MIXING: list[tuple[Callable[[], nn.Sequential], bool, str]] = [
    (lambda: _critic(), False, "a D without any normalisation"),
    (lambda: _critic(nn.BatchNorm2d(4)), True, "a D with BatchNorm"),
    (lambda: _critic(nn.GroupNorm(1, 4)), False, "a D with GroupNorm, whose statistics are each image's own"),
    (lambda: _critic(nn.InstanceNorm2d(4, affine=True)), False, "a D with InstanceNorm"),
    (lambda: _critic(nn.Sequential(_ByHand())), True, "a D that takes the batch's mean away, by hand"),
    (lambda: _critic(_Spread(), c=5), True, "a D that sees the spread of the batch"),
    (
        lambda: _critic(nn.Sequential(nn.BatchNorm2d(4, affine=False))),
        True,
        "a BatchNorm within a block",
    ),
]


def check_mixes_batch(call: StudentFunction) -> str:
    """The check of `lesson07.mixes_batch`: mixes_batch(D, x) -> does an image's score depend on the others?"""
    found = []
    for make, _, name in _MIXING:
        value = call(make().train(), torch.randn(6, 1, 6, 6))
        one = numbers(value if not isinstance(value, bool) else int(value))
        if one.numel() != 1 or float(one) not in (0.0, 1.0):
            raise Wrong(f"For {name} it returned {describe((value,))}: True or False is expected.")
        found.append(bool(one))
    right = [mixes for _, mixes, _ in _MIXING]
    if found == right:
        return "Wherever the answer is True, the penalty of one image punishes the slopes of all, and means nothing."
    names = {
        "right turned": [not mixes for mixes in right],
        "by name": [any(isinstance(m, nn.BatchNorm2d) for m in make().modules()) for make, *_ in _MIXING],
        "any norm": [_has_norm(make()) for make, *_ in _MIXING],
        "never": [False] * len(right),
        "always": [True] * len(right),
        "in eval mode": [mixes and "BatchNorm" not in name for _, mixes, name in _MIXING],
    }
    messages = {
        "right turned": "The answers are turned round: True where an image's score depends on the others.",
        "by name": "It looks for layers called BatchNorm, and misses a D that mixes the batch in code of its own: ask "
        "D itself. Change the other images, and see whether the first score moves.",
        "any norm": "Any normalisation is suspected, and a D that mixes by hand is missed: GroupNorm and InstanceNorm "
        "take an image's own statistics. Ask D itself.",
        "never": "It never finds anything. Leave D in train mode, and change the *other* images: their order does not "
        "matter to a mean.",
        "always": "It suspects every D: where nothing mixes, the first score stays as it is, up to rounding.",
        "in eval mode": "It misses BatchNorm, which mixes in train mode alone: the training runs in train mode.",
    }
    for name, flags in names.items():
        if flags == found:
            raise Wrong(messages[name])
    i = next(i for i, (a, b) in enumerate(zip(found, right, strict=True)) if a != b)
    raise Wrong(f"For {_MIXING[i][2]} it answers {found[i]}, and {right[i]} is right.")


def _has_norm(D: nn.Module) -> bool:
    return any("Norm" in type(m).__name__ for m in D.modules())


def check_scores(call: StudentFunction) -> str:
    """The check of `lesson07.scores`: scores(D, x), (B,), of a D that stays as it was."""
    for training in (True, False):
        D = _critic(nn.BatchNorm2d(4))
        nn.utils.parametrizations.spectral_norm(D[0], n_power_iterations=1)
        D.train()
        D(torch.randn(6, 1, 6, 6))
        D.train(training)
        D[2].eval()  # a part of D that has a mode of its own
        state, modes = copy.deepcopy(D.state_dict()), [m.training for m in D.modules()]
        x = torch.randn(6, 1, 6, 6)
        value = call(D, x.clone())
        with torch.no_grad():
            twin = copy.deepcopy(D)
            twin.load_state_dict(state)
            right = twin.eval()(x)
            in_train = twin.train()(x)
        if any(not torch.equal(a, b) for a, b in zip(D.state_dict().values(), state.values(), strict=True)):
            raise Wrong(
                "D has changed: in train mode a forward moves spectral normalisation's u and v and BatchNorm's "
                "averages, under `no_grad` too. Score in eval mode."
            )
        _judge_scores(value, right, in_train)
        now = [m.training for m in D.modules()]
        if now != modes:
            if not any(now) and training:
                raise Wrong("D is left in eval mode: the training goes on after this look at it.")
            if all(now) and not training:
                raise Wrong("D is put into train mode, whatever it was in before: give it back the mode that it had.")
            if any(modes) and now == [D.training] * len(now):
                raise Wrong(
                    "A part of D had a mode of its own: note `m.training` of every module, and give each its own."
                )
            raise Wrong("Not every part of D is back in the mode that it had: note `m.training` of all `D.modules()`.")
        if any(p.grad is not None for p in D.parameters()):
            raise Wrong("D's weights have gradients now: a look at scores needs none.")
    return "Whoever looks at a critic between two steps now changes nothing: the run goes on with the same bits."


def _judge_scores(value: Any, right: Tensor, in_train: Tensor) -> None:
    if not isinstance(value, Tensor) or value.shape != right.shape:
        raise Wrong(f"It returned {describe((value,))}: the scores are expected, a tensor of shape (6,).")
    if close(value.detach(), in_train, rtol=1e-4, atol=1e-5):
        raise Wrong(
            "These are the scores of D in train mode, which depend on the other images, and the forward has moved D's "
            "own state: score in eval mode."
        )
    if not close(value.detach(), right, rtol=1e-4, atol=1e-5):
        raise Wrong("These are not D's scores of the images in eval mode.")
    if value.requires_grad:
        raise Wrong("The scores carry D's graph, and keep its memory: compute them under `torch.no_grad()`.")
