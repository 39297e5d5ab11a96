"""The check of lesson 07's round of WGAN: each step of it against each known mistake.

The student's round runs on a tiny G and D with plain SGD, so that a step of the weights says which gradient was
followed. Hooks note what G and D were given, and what each optimiser found and left.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.exercises.checking.engine import NotAttempted, StudentFunction, Wrong
from gancourse.exercises.checking.training_steps import TinyDiscriminator, TinyGenerator, check_noise

_LR = 0.5

Loss = Callable[[nn.Module, nn.Module], Tensor]


@dataclass
class _Step:
    """One optimiser step: whose, the z drawn for it, G and D before it, G's gradients at that time, and the step."""

    who: str
    z: list[Tensor]
    nets: dict[str, nn.Module]
    gradients_g: Tensor
    moved: Tensor = field(default_factory=lambda: torch.zeros(0))


def _flat(tensors: Any) -> Tensor:
    return torch.cat([t.detach().reshape(-1) for t in tensors])


def _gradients(network: nn.Module) -> Tensor:
    return _flat(torch.zeros_like(p) if p.grad is None else p.grad for p in network.parameters())


class _Scene:
    """A G, a D, their optimisers, k batches, and what was seen of them during the student's round."""

    def __init__(self, k: int, batch: int, c: float) -> None:
        self.G, self.D, self.c = TinyGenerator(), TinyDiscriminator(), c
        self.networks: dict[str, nn.Module] = {"G": self.G, "D": self.D}
        self.x_reals = [torch.rand(batch, 1, 28, 28) * 2 - 1 + 0.3 * i for i in range(k)]
        list(self.D.parameters())[-1].data += 1 - self.D(self.x_reals[0]).detach().mean()  # hinge notices this alone
        self.optimisers = {n: torch.optim.SGD(net.parameters(), lr=_LR) for n, net in self.networks.items()}
        self.old = {}
        for name, net in self.networks.items():  # what the round before has left
            for p in net.parameters():
                p.grad = 0.05 * torch.randn_like(p)
            self.old[name] = _gradients(net)
        self.steps: list[_Step] = []
        self.met: list[tuple[int, Tensor]] = []  # steps so far, D's weights: at each forward of D
        self._z: list[Tensor] = []
        self.in_eval: set[str] = set()
        self.calls = self.done = 0  # done: steps so far

    @contextmanager
    def watched(self) -> Iterator[None]:
        def look(name: str) -> Callable[..., None]:
            def hook(module: nn.Module, inputs: tuple[Any, ...]) -> None:
                if module is not self.networks[name]:  # a copy, which the judge runs
                    return
                self.calls += 1
                if not module.training:
                    self.in_eval.add(name)
                if name == "G":
                    self._z.append(inputs[0].detach().clone())
                else:
                    self.met.append((self.done, _flat(module.parameters())))

            return hook

        def before(name: str) -> Callable[..., None]:
            def hook(*_: Any) -> None:
                self.steps.append(_Step(name, self._z, copy.deepcopy(self.networks), _gradients(self.G)))
                self._z = []

            return hook

        def after(name: str) -> Callable[..., None]:
            def hook(*_: Any) -> None:
                step = self.steps[-1]
                step.z, self._z, self.done = step.z + self._z, [], self.done + 1  # a closure has drawn within the step
                step.moved = _flat(self.networks[name].parameters()) - _flat(step.nets[name].parameters())

            return hook

        handles: list[Any] = [net.register_forward_pre_hook(look(name)) for name, net in self.networks.items()]
        for name, optimiser in self.optimisers.items():
            handles += [optimiser.register_step_pre_hook(before(name)), optimiser.register_step_post_hook(after(name))]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def run(self, call: StudentFunction) -> None:
        """The student's round, and what can be wrong with it as a whole."""
        with self.watched():
            call.in_place(
                self.G, self.D, self.optimisers["G"], self.optimisers["D"], [x.clone() for x in self.x_reals], self.c
            )
        order, k = "".join(step.who for step in self.steps), len(self.x_reals)
        if not order and not self.calls:
            raise NotAttempted("Neither network was called: write the body of the round, then run this check again.")
        if not order:
            raise Wrong("No optimiser has made a step: zero, backward, step, for each of the steps.")
        if order != "D" * k + "G":
            raise Wrong(_order(order, k))
        if self.in_eval:
            raise Wrong(
                f"{' and '.join(sorted(self.in_eval))} ran in eval mode: a round of training runs in train mode."
            )
        for name, net in self.networks.items():
            if not net.training:
                raise Wrong(f"{name} is left in eval mode: the next round would run with it.")
            if not all(p.requires_grad for p in net.parameters()):
                raise Wrong(f"{name} is left frozen: set `requires_grad_(True)` again, or its next step does nothing.")

    def judge_draws(self) -> None:
        """Fresh z for each step."""
        for i, step in enumerate(self.steps):
            last = step is self.steps[-1]
            if not step.z:
                raise Wrong(
                    "G's step uses fakes that were made before: D has just been trained on those, and they may have "
                    "no graph to G. Draw a fresh z, and let G make new ones."
                    if last
                    else f"Step {i + 1} of D has no fakes of its own: draw a fresh z and make new ones for each step."
                )
            for earlier in self.steps[:i]:
                if any(a.shape == b.shape and bool((a == b).any()) for a in step.z for b in earlier.z):
                    raise Wrong(
                        "G's step sends a z of the critic's through G once more, a bug of published code: D has just "
                        "been trained on those very fakes. Draw a fresh one."
                        if last
                        else "Several steps of D share one z: draw a fresh one for each step."
                    )
            if step.z[-1].shape != (len(self.x_reals[0]), 100):
                raise Wrong(
                    f"A z has shape {tuple(step.z[-1].shape)}: one for each image of the batch is expected, here "
                    f"({len(self.x_reals[0])}, 100)."
                )
        z = torch.cat([step.z[-1] for step in self.steps])
        check_noise(z, len(z))

    def judge_critic(self) -> None:
        """Each step of D: on its batch, along the right gradient, away from G, and clipped after it."""
        for i, step in enumerate(self.steps[:-1]):
            x, z = self.x_reals[i], step.z[-1]
            old = self.old["D"] if i == 0 else _gradients(step.nets["D"]) * 0
            _judge(
                step,
                _critic_loss(x, z),
                self._critic_mistakes(i, x, z, old),
                "A step of D is not along the gradient of mean D(G(z)) - mean D(x_real): check its loss and its z.",
            )
            if not torch.equal(step.gradients_g, self.old["G"]) and bool(step.gradients_g.any()):
                raise Wrong(
                    "D's step is right, but its `backward` also went through G and left gradients there: detach the "
                    "fakes, `G(z).detach()`, or make them under `torch.no_grad()`."
                )
            self._judge_clipped(i, step)

    def _critic_mistakes(self, i: int, x: Tensor, z: Tensor, old: Tensor) -> list[tuple[Loss | Tensor, str]]:
        right = _critic_loss(x, z)
        return [
            (
                old,
                "D's old gradients were added to the new ones. G's step leaves gradients in D as well: call "
                "`opt_d.zero_grad()` in each step of D, before `backward()`.",
            ),
            (
                lambda G, D: -right(G, D),
                "The critic goes the wrong way: an optimiser minimises, so the loss is mean D(G(z)) - mean D(x_real).",
            ),
            (lambda G, D: right(G, D) / 2, "Half a step: the two means are subtracted, not averaged."),
            (lambda G, D: right(G, D) * len(x), "The loss is summed over the batch: take the mean."),
            (lambda G, D: -D(x).mean(), "D learned from the real batch only: the fakes are missing in its loss."),
            (lambda G, D: D(G(z)).mean(), "D learned from the fakes only: the real batch is missing in its loss."),
            (
                lambda G, D: F.softplus(-D(x)).mean() + F.softplus(D(G(z))).mean(),
                "This is Goodfellow's loss: a critic's is the plain difference of mean scores.",
            ),
            (
                lambda G, D: D(G(z)).sigmoid().mean() - D(x).sigmoid().mean(),
                "A critic has no sigmoid: its score may be any number.",
            ),
            (
                lambda G, D: (1 - D(x)).relu().mean() + (1 + D(G(z))).relu().mean(),
                "This is the hinge loss: WGAN's has no margins.",
            ),
            *[
                (
                    _critic_loss(other, z),
                    f"Step {i + 1} of D uses batch {j + 1}: each step has a batch of its own, in turn.",
                )
                for j, other in enumerate(self.x_reals)
                if j != i
            ],
        ]

    def _judge_clipped(self, i: int, step: _Step) -> None:
        raw = _flat(step.nets["D"].parameters()) + step.moved
        clipped = raw.clamp(-self.c, self.c)
        met = next((weights for number, weights in self.met if number == i + 1), _flat(self.D.parameters()))
        if torch.allclose(met, clipped, atol=1e-6):
            return
        if torch.allclose(met, raw, atol=1e-6):
            when = "G meets" if i == len(self.x_reals) - 1 else f"step {i + 2} begins with"
            raise Wrong(
                f"The critic that {when} is not clipped: clip every weight of D to [-c, c] after each of its steps."
            )
        raise Wrong("After its step D's weights are not those that clipping to [-c, c] leaves: `p.clamp_(-c, c)`.")

    def judge_generator(self) -> None:
        """G's step: along the right gradient, through the clipped D, which stays as it is."""
        step = self.steps[-1]
        z = step.z[-1]

        def right(G: nn.Module, D: nn.Module) -> Tensor:
            return -D(G(z)).mean()

        mistakes: list[tuple[Loss | Tensor, str]] = [
            (
                self.old["G"],
                "G's old gradients were added to the new ones: call `opt_g.zero_grad()` before `backward()`.",
            ),
            (lambda G, D: -right(G, D), "G goes the wrong way: it wants high scores, and minimises -mean D(G(z))."),
            (lambda G, D: right(G, D) * len(z), "G's loss is summed over the batch: take the mean."),
            (lambda G, D: F.softplus(-D(G(z))).mean(), "G's loss is Goodfellow's: here it is -mean D(G(z))."),
            (lambda G, D: -D(G(z)).sigmoid().mean(), "A critic has no sigmoid: its score is taken as it is."),
        ]
        if not bool(step.moved.any()):
            raise Wrong("G has not moved: no gradient reached it. The fakes must not be detached in its own step.")
        _judge(step, right, mistakes, "G moved, but not along the gradient of -mean D(G(z)), with D as it is then.")
        if not torch.allclose(_flat(self.D.parameters()), _flat(step.nets["D"].parameters()), atol=1e-7):
            raise Wrong("D's weights have changed after its own steps: G's step moves G alone.")
        start, end = _flat(self.steps[0].nets["G"].parameters()), _flat(self.G.parameters())
        if not torch.allclose(end, start + step.moved, atol=1e-7):
            raise Wrong("G's weights were changed by more than its step: only D's are clipped.")


def _critic_loss(x: Tensor, z: Tensor) -> Loss:
    return lambda G, D: D(G(z)).mean() - D(x).mean()


def _order(order: str, k: int) -> str:
    d, g = order.count("D"), order.count("G")
    if not g:
        return "G made no step: after the k steps of D comes one of G."
    if g > 1:
        return f"G made {g} steps in one round: it makes one, after the last step of D, outside of the loop."
    if order[-1] != "G":
        return "G's step comes last: first the critic is brought further."
    made = f"D made {d} {'step' if d == 1 else 'steps'} on {k} {'batch' if k == 1 else 'batches'}"
    return f"{made}: one for each batch of `x_reals`, however many there are."


def _judge(step: _Step, right: Loss, mistakes: list[tuple[Loss | Tensor, str]], otherwise: str) -> None:
    """`Wrong` unless the step followed right's gradient. A mistake: a loss, or what was added to the gradient."""

    def wanted(loss: Loss, added: Tensor | float = 0.0) -> Tensor:
        nets = copy.deepcopy(step.nets)
        gradients = torch.autograd.grad(loss(nets["G"], nets["D"]), list(nets[step.who].parameters()))
        return -_LR * (_flat(gradients) + added)

    def same(expected: Tensor) -> bool:
        return bool((step.moved - expected).norm() <= 2e-3 * expected.norm() + 1e-7)

    if same(wanted(right)):
        return
    for mistake, message in mistakes:
        if isinstance(mistake, Tensor):  # zeros, where nothing was left to be added
            made = bool(mistake.any()) and same(wanted(right, mistake))
        else:
            made = same(wanted(mistake))
        if made:
            raise Wrong(message)
    raise Wrong(otherwise)


def check_wgan_round(call: StudentFunction) -> str:
    """The check of `lesson07.wgan_round`: wgan_round(G, D, opt_g, opt_d, x_reals, c), which returns nothing."""
    for k, batch, c in ((3, 32, 0.03), (1, 20, 0.2)):
        scene = _Scene(k, batch, c)
        scene.run(call)
        scene.judge_draws()
        scene.judge_critic()
        scene.judge_generator()
    return "A critic brought further on fresh fakes, clipped, then one step of G: this is WGAN's round."
