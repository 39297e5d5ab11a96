"""Checks of Algorithm 1's two steps: one step of the student's, on tiny networks, against each known mistake.

The student's function runs on a tiny G and D with plain SGD, so that the weights after one step say which
gradient was followed. Hooks record whether a network ran in train mode, and which z the generator was given.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse.exercises.checking.engine import NotAttempted, StudentFunction, Wrong
from gancourse.exercises.checking.judging import check_draws, ks_distance

_LR = 0.5
_BATCH = 64


class _Images(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(-1, 1, 28, 28)


class _Logits(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(-1)


class TinyGenerator(nn.Module):
    """z (B, 100) -> images (B, 1, 28, 28), with a BatchNorm, so that train and eval mode differ."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(100, 6), nn.BatchNorm1d(6), nn.LeakyReLU(0.2), nn.Linear(6, 784), nn.Tanh(), _Images()
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z)


class TinyDiscriminator(nn.Module):
    """Images (B, 1, 28, 28) -> logits (B,)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(784, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1), _Logits())

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def probability(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self(x))


class _Scene:
    """A G, a D, an optimiser for one of them, and what was seen of them during the student's step."""

    def __init__(self, trained: str) -> None:
        self.G, self.D = TinyGenerator(), TinyDiscriminator()
        self.networks = {"G": self.G, "D": self.D}
        self.before = copy.deepcopy(self.networks)
        self.trained = trained
        self.optimiser = torch.optim.SGD(self.networks[trained].parameters(), lr=_LR)
        self.steps = 0
        self.z: list[Tensor] = []
        self.in_eval: set[str] = set()
        self.calls = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        def record(name: str) -> Callable[..., None]:
            def hook(module: nn.Module, inputs: tuple[Any, ...]) -> None:
                self.calls += 1
                if not module.training:
                    self.in_eval.add(name)
                if name == "G" and inputs and isinstance(inputs[0], Tensor):
                    self.z.append(inputs[0].detach().clone())

            return hook

        def count(*_: Any) -> None:
            self.steps += 1

        handles: list[Any] = [net.register_forward_pre_hook(record(name)) for name, net in self.networks.items()]
        handles.append(self.optimiser.register_step_post_hook(count))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def moved(self, name: str) -> bool:
        return not torch.equal(_weights(self.networks[name]), _weights(self.before[name]))

    def leave_old_gradients(self) -> Tensor:
        """Give the trained network gradients of an earlier step, which must be cleared; returns them flat."""
        parameters = list(self.networks[self.trained].parameters())
        for parameter in parameters:
            parameter.grad = 0.05 * torch.randn_like(parameter)
        return torch.cat([p.grad.reshape(-1) for p in parameters if p.grad is not None])

    def after(self, loss: Callable[[nn.Module, nn.Module], Tensor], old: Tensor | float = 0.0) -> Tensor:
        """The trained network's weights, flat, after an SGD step on this loss; `old` adds to the gradient."""
        nets = copy.deepcopy(self.before)
        parameters = list(nets[self.trained].parameters())
        gradients = torch.autograd.grad(loss(nets["G"], nets["D"]), parameters)
        gradient = torch.cat([item.reshape(-1) for item in gradients])
        return _weights(nets[self.trained]) - _LR * (gradient + old)

    def common_mistakes(self) -> None:
        """What can go wrong in either step, before any loss is compared."""
        me, other = ("D", "G") if self.trained == "D" else ("G", "D")
        if self.calls == 0 and self.steps == 0:
            raise NotAttempted("Neither network was called: write the body of the step, then run this check again.")
        if self.steps == 0:
            raise Wrong(f"{me} has not moved: `optimiser.step()` was never called.")
        if not self.moved(me) and all(p.grad is None or not p.grad.any() for p in self.networks[me].parameters()):
            raise Wrong(f"{me} has not moved: its gradients were empty at `optimiser.step()`. Zero, backward, step.")
        if self.steps > 1:
            raise Wrong(f"`optimiser.step()` was called {self.steps} times: add up the loss, then take one step.")
        if self.in_eval:
            names = " and ".join(sorted(self.in_eval))
            raise Wrong(f"{names} ran in eval mode: training uses the batch's own statistics, so call `.train()`.")
        for name, net in self.networks.items():
            if not net.training:
                raise Wrong(f"{name} is left in eval mode: the next step of the training would run with it.")
            if not all(parameter.requires_grad for parameter in net.parameters()):
                raise Wrong(f"{name} is left frozen: set `requires_grad_(True)` again, or its next step does nothing.")
        if self.moved(other):
            raise Wrong(f"{other}'s weights have changed: this step moves {me} alone.")

    def compare(self, right: Tensor, mistakes: list[tuple[Tensor, str]], otherwise: str) -> None:
        """`Wrong` unless the trained network's weights are those of the right step."""
        weights = _weights(self.networks[self.trained])
        start = _weights(self.before[self.trained])
        if _same_step(weights - start, right - start):
            return
        for mistaken, message in mistakes:
            if _same_step(weights - start, mistaken - start):
                raise Wrong(message)
        raise Wrong(otherwise)


def _weights(net: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().reshape(-1) for parameter in net.parameters()])


def _same_step(step: Tensor, expected: Tensor) -> bool:
    # Relative to the step's length: the sum over a batch may be taken in any order
    return bool((step - expected).norm() <= 2e-3 * expected.norm() + 1e-7)


def check_discriminator_step(call: StudentFunction) -> str:
    """The check of `lesson02.discriminator_step`: one call step(G, D, optimiser, x_real, z)."""
    scene = _Scene("D")
    x_real, z = torch.rand(_BATCH, 1, 28, 28) * 2 - 1, torch.randn(_BATCH, 100)
    old = scene.leave_old_gradients()
    with scene.watched():
        call.in_place(scene.G, scene.D, scene.optimiser, x_real.clone(), z.clone())
    scene.common_mistakes()

    def on_real(G: nn.Module, D: nn.Module) -> Tensor:
        return F.softplus(-D(x_real)).mean()

    def on_fake(G: nn.Module, D: nn.Module) -> Tensor:
        return F.softplus(D(G(z))).mean()

    def right(G: nn.Module, D: nn.Module) -> Tensor:
        return on_real(G, D) + on_fake(G, D)

    def swapped(G: nn.Module, D: nn.Module) -> Tensor:
        return F.softplus(D(x_real)).mean() + F.softplus(-D(G(z))).mean()

    def uphill(G: nn.Module, D: nn.Module) -> Tensor:
        return -right(G, D)

    stale = "Old gradients were added to the new ones: call `optimiser.zero_grad()` before `backward()`."
    mistakes = [
        (scene.after(right, old), stale),
        (
            scene.after(swapped),
            "The labels are swapped: your D learns to call fakes real. Real images have the target 1.",
        ),
        (
            scene.after(uphill),
            "D goes uphill on its loss: an optimiser minimises, so the loss is -log D(x) - log(1 - D(G(z))).",
        ),
        (scene.after(lambda G, D: right(G, D) / 2), "Half a step: the real and the fake mean are added, not averaged."),
        (scene.after(lambda G, D: right(G, D) * _BATCH), "The loss is summed over the batch: take the mean."),
        (scene.after(on_real), "D learned from the real batch only: the fake half of the loss is missing."),
        (scene.after(on_fake), "D learned from the fake batch only: the real half of the loss is missing."),
    ]
    for smooth in (0.9, 0.8, 0.7):

        def smoothed(G: nn.Module, D: nn.Module, smooth: float = smooth) -> Tensor:
            on_x = D(x_real)
            return F.binary_cross_entropy_with_logits(on_x, torch.full_like(on_x, smooth)) + on_fake(G, D)

        message = f"Real images have the target {smooth:g}: a known trick, but the loss asked for has 1."
        mistakes.append((scene.after(smoothed), message))
    otherwise = (
        "D moved, but not along the gradient of -mean log D(x_real) - mean log(1 - D(G(z))): check the loss, and that "
        "the fakes come from the z that was given."
    )
    scene.compare(scene.after(right), mistakes, otherwise)
    if any(parameter.grad is not None and bool(parameter.grad.any()) for parameter in scene.G.parameters()):
        raise Wrong(
            "D's update is right, but `backward` also went through G and left gradients there, which cost time and "
            "wait for G's next step: detach the fakes, `G(z).detach()`, or make them under `torch.no_grad()`."
        )
    return "One step, no gradients in G, both networks in train mode: this is the inner loop of Algorithm 1."


def check_generator_step(call: StudentFunction) -> str:
    """The check of `lesson02.generator_step`: calls of step(G, D, optimiser, batch_size)."""
    scene = _Scene("G")
    old = scene.leave_old_gradients()
    with scene.watched():
        call.in_place(scene.G, scene.D, scene.optimiser, _BATCH)
    if scene.calls and scene.steps and not scene.moved("G"):
        raise Wrong("G has not moved: no gradient reached it. The fakes must not be detached in this step.")
    scene.common_mistakes()
    if not scene.z:
        raise Wrong("G was never called: where do the fakes come from?")
    z = scene.z[-1]
    check_noise(z)

    def right(G: nn.Module, D: nn.Module) -> Tensor:
        return F.softplus(-D(G(z))).mean()

    def saturating(G: nn.Module, D: nn.Module) -> Tensor:
        return -F.softplus(D(G(z))).mean()

    def helps_d(G: nn.Module, D: nn.Module) -> Tensor:
        return F.softplus(D(G(z))).mean()

    stale = "Old gradients were added to the new ones: call `optimiser.zero_grad()` before `backward()`."
    mistakes = [
        (scene.after(right, old), stale),
        (
            scene.after(saturating),
            "This is the saturating loss, log(1 - D(G(z))): the non-saturating one is asked for.",
        ),
        (scene.after(helps_d), "G learns to be recognised: its fakes have the target 1 here, not 0."),
        (scene.after(lambda G, D: -right(G, D)), "G goes uphill on its loss: check the sign."),
        (scene.after(lambda G, D: right(G, D) * _BATCH), "The loss is summed over the batch: take the mean."),
    ]
    scene.compare(
        scene.after(right), mistakes, "G moved, but not along the gradient of -mean log D(G(z)): check the loss."
    )
    again = _Scene("G")
    with again.watched():
        call.in_place(again.G, again.D, again.optimiser, _BATCH)
    if again.z and again.z[-1].shape == z.shape and bool((again.z[-1] == z).any()):
        raise Wrong("The second call used the same z as the first: Algorithm 1 draws a fresh one for each step.")
    smaller = _Scene("G")
    with smaller.watched():
        call.in_place(smaller.G, smaller.D, smaller.optimiser, _BATCH - 16)
    if smaller.z:
        check_noise(smaller.z[-1], _BATCH - 16)
    return "A fresh z, D untouched, and the gradient came to G through D."


def check_noise(z: Tensor, batch: int = _BATCH) -> None:
    """`Wrong` unless z can be independent draws from N(0, I), of shape (batch, 100)."""
    if tuple(z.shape) != (batch, 100):
        raise Wrong(f"z has shape {tuple(z.shape)}: (batch_size, 100) is expected, here ({batch}, 100).")
    mean, std = z.mean().item(), z.std().item()
    if abs(mean - 0.5) < 0.1 and z.min() >= 0:
        raise Wrong("z is uniform on [0, 1] (`torch.rand`): the prior is N(0, 1), `torch.randn`.")
    check_draws(z)
    if abs(mean) > 0.1 or abs(std - 1) > 0.1:
        raise Wrong(f"z has mean {mean:.2f} and standard deviation {std:.2f}: the prior is N(0, 1), 0 and 1.")
    if ks_distance(torch.special.ndtr(z.double())) > 2.7 / z.numel() ** 0.5:
        raise Wrong(
            f"z has the mean 0 and the standard deviation 1, but is not normal: its largest number is {z.max():.2f}. "
            "The prior is N(0, 1), `torch.randn`."
        )
