"""The bug hunt of lesson 12: a discriminator on borrowed features in the published manner, to be repaired; its check.

The listing runs as it stands; `tests/exercises/test_projected_listing.py` shows what its bugs do. The check gives the
student's discriminator hidden features that note how they are called, and watches what its heads are given.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gancourse.exercises.checking.crashes import brief, describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.imagenet import ranges
from gancourse.exercises.checking.judging import close
from gancourse.exercises.checking.styles import unchanged
from gancourse.exercises.checking.watching import Features, gradients

PUBLISHED = '''\
import torch
from torch import nn
from torch.nn import functional as F

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


class ProjectedD(nn.Module):
    """Pictures (B, 3, H, W) in [-1, 1] -> logits (B, heads), by frozen features and a frozen projection of each map.

    features: a network with BatchNorm, trained on pictures in [0, 1], less MEAN, by STD: pictures -> a tuple of maps.
    channels: of these maps. mixed: channels of each map's projection.
    """

    def __init__(self, features, channels, mixed):
        super().__init__()
        self.features = features.eval()
        self.channels, self.mixed = channels, mixed
        self.heads = nn.ModuleList(nn.Conv2d(mixed, 1, 1) for _ in channels)

    def forward(self, x):
        with torch.no_grad():
            maps = self.features((x - MEAN) / STD)
        logits = []
        for m, c, head in zip(maps, self.channels, self.heads):
            projection = torch.randn(self.mixed, c, 1, 1) / c**0.5
            logits.append(head(F.conv2d(m, projection)).mean((1, 2, 3)))
        return torch.stack(logits, 1)


def discriminator_step(D, opt_d, x_real, x_fake):
    D.train()
    loss = F.relu(1 - D(x_real)).mean(0).sum() + F.relu(1 + D(x_fake.detach())).mean(0).sum()
    opt_d.zero_grad()
    loss.backward()
    opt_d.step()
    return loss.item()
'''

_CHANNELS = (4, 6, 5)  # those of Features
_B, _SIDE = 6, 12


@dataclass
class _Look:
    """One call of a discriminator: its logits, what the features were shown and gave, what the heads were given."""

    x: Tensor
    logits: Tensor
    shown: Tensor
    maps: list[Tensor]
    projected: list[Tensor] = field(default_factory=list)


def check_bug_hunt(call: StudentFunction) -> str:
    """The check of `lesson12.bug_hunt`: bug_hunt(features, channels, mixed) -> the repaired discriminator."""
    features = _features()
    clean = _copied(features)
    mixed = 100
    D = _made(call, features, mixed)
    x = torch.rand(_B, 3, _SIDE, _SIDE) * 2 - 1
    look, again = _look(D, features, x, mixed), _look(D, features, x, mixed)
    found = [*_range_bug(look), *_mode_bug(look, clean), *_projection_bug(look, again)]
    leaf = x.clone().requires_grad_()
    cut = not _reaches(D, leaf)
    if cut:
        found.append(
            "- No gradient comes to the picture, so that G can learn nothing from D: frozen means that the features' "
            "*weights* stay, `requires_grad_(False)`. `no_grad` and `.detach()` cut off what G made as well."
        )
    if found:
        n = f"{len(found)} of 4 bugs are" if len(found) > 1 else "1 of 4 bugs is"
        raise Wrong("\n".join([f"{n} still there.", *found]))
    _judge_projection(look)
    _judge_logits(D, look)
    _judge_step(D, features, clean, look, mixed)
    _judge_saved(call, D, clean, x, mixed)
    _judge_modes(D)
    return (
        "Borrowed and frozen: the weights stay, the statistics stay, the projection stays, and what remains is a fixed "
        "function of the picture, through which gradients pass. A projection drawn anew is another question at every "
        "step, and the heads forget; features that see a wrong range, or judge by the batch, still give numbers, and "
        "nothing stops."
    )


def _features() -> Features:
    features = Features(norm=True).train()
    for norm in features.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.3)  # type: ignore[union-attr, operator]
            norm.running_var.uniform_(0.3, 1)  # type: ignore[union-attr, operator]
    return features


def _copied(features: Features) -> Features:
    """The same network in eval mode, with a record of its own."""
    clean = Features(norm=True)
    clean.load_state_dict(features.state_dict())
    return clean.eval()


def _made(call: StudentFunction, features: Features, mixed: int) -> nn.Module:
    D = call(features, _CHANNELS, mixed)
    if not isinstance(D, nn.Module):
        raise Wrong(
            f"It returned {describe((D,))}: the discriminator is expected, `ProjectedD(features, channels, mixed)`."
        )
    heads = getattr(D, "heads", None)
    if not isinstance(heads, nn.ModuleList) or len(heads) != len(_CHANNELS):
        raise Wrong(f"`D.heads` is to stay a ModuleList with a head for each of the {len(_CHANNELS)} maps.")
    for head in heads:
        if not isinstance(head, nn.Conv2d) or head.weight.shape != (1, mixed, 1, 1):
            raise Wrong(f"A head has changed: `nn.Conv2d(mixed, 1, 1)` was right, with mixed = {mixed} here.")
    if D.train() is not D:
        raise Wrong("`D.train()` returns D, as every module's does: end yours with `return self`.")
    return D


def _look(D: nn.Module, features: Features, x: Tensor, mixed: int) -> _Look:
    """D's answer to x, without a graph, and what it asked on its way; `Wrong` where that is no projected D."""
    projected: list[Tensor] = []

    def note(head: nn.Module, given: tuple[Tensor, ...]) -> None:
        projected.append(given[0].detach().clone())

    hooks = [head.register_forward_pre_hook(note) for head in D.heads]  # type: ignore[union-attr]
    features.calls.clear()
    given = x.clone()
    try:
        with torch.no_grad():
            logits = D(given)
    except Exception as error:
        raise Wrong(f"On pictures, {describe((given,))}, D stopped with {brief(error)}.") from None
    finally:
        for hook in hooks:
            hook.remove()
    unchanged({"x": given}, [x])
    if not isinstance(logits, Tensor) or logits.shape != (len(x), len(_CHANNELS)):
        one = isinstance(logits, Tensor) and logits.shape in ((len(x),), (len(x), 1))
        raise Wrong(
            f"D gives {describe((logits,))}, and {(len(x), len(_CHANNELS))} is expected, a logit of each head: that "
            f"was right.{' Averaged, a head that is sure would pay for those that are not.' if one else ''}"
        )
    if len(features.calls) != 1 or features.calls[0].shown.shape != x.shape:
        raise Wrong(f"`features` is to be called once, on all pictures: it was called {len(features.calls)} times.")
    if len(projected) != len(_CHANNELS) or any(p.ndim != 4 or p.shape[1] != mixed for p in projected):
        raise Wrong("Each head is to be called once, on the projection of its map.")
    return _Look(x, logits, features.calls[0].shown, features.calls[0].maps, projected)


def _range_bug(look: _Look) -> list[str]:
    for words, pictures in ranges(look.x).items():
        if close(look.shown, pictures, atol=1e-4):
            if not words:
                return []
            return [
                f"- The features are shown pictures {words}: they were trained on pictures in [0, 1], less MEAN, by "
                "STD, so (x + 1) / 2 comes first."
            ]
    return [
        "- The features are shown pictures in no range that we know: [-1, 1] goes to [0, 1], then less MEAN, by STD."
    ]


def _mode_bug(look: _Look, clean: Features) -> list[str]:
    with torch.no_grad():
        wanted = clean(look.shown)
    if all(close(m, w, rtol=1e-3, atol=1e-4) for m, w in zip(look.maps, wanted, strict=True)):
        return []
    return [
        "- After `D.train()` the features are in train mode again: `train` reaches every part, and undoes the `eval()` "
        "in `__init__`. Their BatchNorms then judge a picture by its neighbours, and forget what they had stored."
    ]


def _projection_bug(look: _Look, again: _Look) -> list[str]:
    if all(close(p, q, rtol=1e-4, atol=1e-4) for p, q in zip(look.projected, again.projected, strict=True)):
        return []
    if not all(close(m, n, rtol=1e-4, atol=1e-4) for m, n in zip(look.maps, again.maps, strict=True)):
        return []  # other maps, so other projections of them
    return [
        "- The projection is drawn anew in every call, so that the heads are asked something else each time: draw it "
        "once, in `__init__`, and keep it."
    ]


def _reaches(D: nn.Module, leaf: Tensor) -> bool:
    logits = D(leaf)
    return bool(logits.requires_grad and gradients(logits.sum(), leaf)[0].any())


def _rows(maps: Tensor) -> Tensor:
    """Maps (B, C, H, W) as one row of C numbers for each pixel, float64."""
    return maps.movedim(1, -1).flatten(0, 2).double()


def _judge_projection(look: _Look) -> None:
    """`Wrong` unless each head is given a linear mix of its map's channels that keeps the variance."""
    for i, (m, p) in enumerate(zip(look.maps, look.projected, strict=True)):
        what = f"The projection of map {i + 1}"
        if p.shape[2:] != m.shape[2:]:
            raise Wrong(f"{what} has another size than its map: kernels of 1 were right.")
        rows, wanted = _rows(m), _rows(p)
        weights = torch.linalg.lstsq(rows, wanted).solution
        if not close(rows @ weights, wanted, rtol=1e-3, atol=1e-3):
            raise Wrong(f"{what} is no mix of its channels alone: a convolution with kernels of 1, and without a bias.")
        spread = float(weights.square().mean()) * len(weights)
        if not 0.6 < spread < 1.6:
            raise Wrong(
                f"{what} multiplies the variance by {spread:.2f}: drawn as N(0, 1) / sqrt(channels of the map), it "
                "keeps it, and that was right."
            )
        if int(torch.linalg.matrix_rank(weights, rtol=1e-3)) < len(weights):
            raise Wrong(f"{what} loses channels: draw every number of the kernel on its own, N(0, 1).")


def _judge_logits(D: nn.Module, look: _Look) -> None:
    with torch.no_grad():
        heads = zip(D.heads, look.projected, strict=True)  # type: ignore[arg-type, call-overload]
        wanted = torch.stack([head(p).mean((1, 2, 3)) for head, p in heads], 1)
    if not close(look.logits, wanted, rtol=1e-3, atol=1e-4):
        raise Wrong("The logits are not the means over each head's answer, head by head: that line was right.")


def _judge_step(D: nn.Module, features: Features, clean: Features, look: _Look, mixed: int) -> None:
    """`Wrong` where a step of D's optimiser changes anything but its heads."""
    if not all(p.requires_grad for head in D.heads for p in head.parameters()):  # type: ignore[union-attr]
        raise Wrong("The heads are frozen as well: they are what learns.")
    D.zero_grad()
    (1 - D(look.x)).relu().mean(0).sum().backward()
    with torch.no_grad():
        for p in D.parameters():
            if p.grad is not None:
                p.sub_(0.02 * p.grad.sign())  # Adam's first step
    after = _look(D, features, look.x, mixed)
    with torch.no_grad():
        wanted = clean(after.shown)
    if not all(close(m, w, rtol=1e-3, atol=1e-4) for m, w in zip(after.maps, wanted, strict=True)):
        raise Wrong(
            "Without the `no_grad` D's optimiser now trains the features, whose weights are among `D.parameters()`: "
            "freeze them, `features.requires_grad_(False)`. Gradients still pass through."
        )
    if not all(close(p, q, rtol=1e-3, atol=1e-4) for p, q in zip(look.projected, after.projected, strict=True)):
        raise Wrong(
            "The projection is trained, and so would find the few channels that tell real from fake, which it is there "
            "to prevent: keep it with `register_buffer`, not as a parameter."
        )


def _judge_saved(call: StudentFunction, D: nn.Module, clean: Features, x: Tensor, mixed: int) -> None:
    """`Wrong` where a discriminator that is loaded from another's state projects in its own way."""
    torch.default_generator.manual_seed(99)
    other = _made(call, _copied(clean), mixed)
    try:
        other.load_state_dict(D.state_dict())
    except RuntimeError as error:
        raise Wrong(f"What `D.state_dict()` saves cannot be loaded by another ProjectedD: {brief(error)}.") from None
    with torch.no_grad():
        if not close(D.eval()(x), other.eval()(x), rtol=1e-3, atol=1e-4):
            raise Wrong(
                "A discriminator that is loaded from `D.state_dict()` gives other logits: its projection is not in the "
                "state, and does not move with `.to(device)`. `register_buffer` puts it there."
            )


def _judge_modes(D: nn.Module) -> None:
    for mode in (False, True):
        D.train(mode)
        if any(part.training != mode for part in (D, *D.heads)):  # type: ignore[misc]
            raise Wrong(f"`D.train({mode})` no longer reaches D and its heads: the features alone stay in eval mode.")
