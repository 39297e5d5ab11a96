"""One round of Algorithm 1 for two multilayer perceptrons, on a CPU: `training.step.train_step`, arranged for speed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gancourse.models.fast_perceptron import Perceptron
from gancourse.training.losses import non_saturating_loss, saturating_loss, wide
from gancourse.training.step import draw_z

# The slope of G's losses in a logit, times B, from p = D(G(z)).
SLOPES: dict[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]] = {
    non_saturating_loss: lambda p: p - 1,
    saturating_loss: lambda p: -p,
}


class FastRound:
    """k steps of D, then one of G, of two networks of which `Perceptron.fits` holds.

    Real and fake images pass through D together, which no layer of it notices. What is drawn is what `train_step`
    draws, so that both give the same weights but for rounding. precision: of the products.
    """

    def __init__(self, G: nn.Module, D: nn.Module, precision: torch.dtype) -> None:
        self._inner, self._precision = G, precision
        self._G, self._D = Perceptron(G, precision), Perceptron(D, precision)
        self._both = self._real = self._signs = torch.empty(0)

    @torch.no_grad()
    def __call__(
        self,
        batches: list[Tensor],
        rng: torch.Generator,
        opt_g: torch.optim.Optimizer,
        opt_d: torch.optim.Optimizer,
        generator_loss: Callable[[Tensor], Tensor],
        fresh_z: bool,
    ) -> Tensor:
        """batches: k of real images (B, C, H, W). opt_g, opt_d: Adam, fused. generator_loss: one of SLOPES.

        Returns the seven STATISTICS, (7,), as `train_step`.
        """
        n, of_d, norms = len(batches[0]), [], []
        if len(self._both) != 2 * n:
            self._both = torch.empty(2 * n, batches[0][0].numel(), dtype=self._precision)
            self._real = torch.tensor([1.0, 0.0]).repeat_interleave(n)
            self._signs = 1 - 2 * self._real
        x_real, x_fake = self._both.split(n)
        for batch in batches:
            x_real.copy_(batch.flatten(1))
            self._generate(rng, x_fake)
            logits, p = _judged(self._D, self._both)
            self._D.backward(self._slope(p - self._real, n))
            _update(opt_d)
            losses = nn.functional.softplus(logits.mul_(self._signs))  # `discriminator_loss`, an image each
            of_d.append(torch.stack([losses, p]).view(4, n).mean(1))
            norms.append(_norm(self._D))
        if fresh_z:
            self._generate(rng, x_fake)
        logits, p = _judged(self._D, x_fake)
        of_images = self._D.backward(self._slope(SLOPES[generator_loss](p), n), parameters=False, inputs=True)
        assert of_images is not None
        self._G.backward(of_images)
        _update(opt_g)
        on_real, on_fake, d_real, d_fake = torch.stack(of_d).mean(0)
        norm_d, norm_g = torch.stack(norms).mean(), _norm(self._G)
        return torch.stack([on_real + on_fake, generator_loss(logits), d_real, d_fake, p.mean(), norm_d, norm_g])

    def _generate(self, rng: torch.Generator, out: Tensor) -> None:
        self._G.forward(draw_z(self._inner, len(out), rng).to(self._precision), out)

    def _slope(self, of_sum: Tensor, n: int) -> Tensor:
        """A mean's slope in n logits, (., 1), from that of their sum."""
        return of_sum.div_(n).to(self._precision)[:, None]


def _judged(D: Perceptron, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and probabilities, (B,) each."""
    logits = wide(D.forward(x)).flatten()
    return logits, logits.sigmoid()


def _norm(network: Perceptron) -> Tensor:
    """Euclidean norm over all gradients, a scalar."""
    return network.gradient.dot(network.gradient).sqrt_()


def _update(adam: torch.optim.Optimizer) -> None:
    """`adam.step()`, without what its wrapper costs."""
    heard = bool(adam._optimizer_step_pre_hooks) or len(adam._optimizer_step_post_hooks) > 1  # one is the trainer's
    if heard or not adam.state:  # which the first step makes
        adam.step()
        return
    group = adam.param_groups[0]
    parameters = group["params"]
    states = [adam.state[parameter] for parameter in parameters]
    steps = [state["step"] for state in states]
    torch._foreach_add_(steps, 1)
    torch._fused_adam_(
        parameters,
        [parameter.grad for parameter in parameters],
        [state["exp_avg"] for state in states],
        [state["exp_avg_sq"] for state in states],
        [],
        steps,
        lr=group["lr"],
        beta1=group["betas"][0],
        beta2=group["betas"][1],
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        amsgrad=False,
        maximize=False,
    )
