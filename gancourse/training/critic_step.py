"""One step of a critic and one of its generator, as one would write them by hand.

`training.algorithms.wasserstein` is the same with everything else that a run needs: several critic steps a round,
packing, processes, parts of a batch. A test holds the two to the same weights, bit for bit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gancourse.models.spectral import computed_once, held
from gancourse.training.losses import wide
from gancourse.training.pair_losses import PAIR_LOSSES, PairLoss
from gancourse.training.step import draw_z

Penalty = Callable[[nn.Module, Tensor, Tensor, torch.Generator], Tensor]
WASSERSTEIN = PAIR_LOSSES["wasserstein"]


def critic_step(
    G: nn.Module,
    D: nn.Module,
    opt_d: torch.optim.Optimizer,
    x_real: Tensor,
    rng: torch.Generator,
    loss: PairLoss = WASSERSTEIN,
    penalty: Penalty | None = None,
    clip: float | None = None,
) -> Tensor:
    """One step of the critic D on real images x_real (B, C, H, W) and as many fresh fakes; z comes from `rng`.

    penalty: (D, real images, fake images, rng) -> what is added to the loss, such as
        `lambda *given: 10 * gradient_penalty(*given)` for WGAN-GP (Gulrajani et al. 2017, Algorithm 1).
    clip: no weight of D is larger after the step (WGAN: Arjovsky et al. 2017, Algorithm 1).
    Returns D's loss without the penalty, a scalar without gradient.
    """
    z = draw_z(G, len(x_real), rng)
    with torch.no_grad():  # this step must not reach G
        x_fake = G(z)
    opt_d.zero_grad()
    with computed_once(D):  # for a D with spectral norm: one power iteration, and real and fake meet the same weights
        loss_d = loss.discriminator(wide(D(x_real)), wide(D(x_fake)))
        total = loss_d if penalty is None else loss_d + penalty(D, x_real, x_fake, rng)
        total.backward()
    opt_d.step()
    if clip is not None:
        clip_weights(D, clip)
    return loss_d.detach()


def generator_step(
    G: nn.Module,
    D: nn.Module,
    opt_g: torch.optim.Optimizer,
    x_real: Tensor,
    rng: torch.Generator,
    loss: PairLoss = WASSERSTEIN,
) -> Tensor:
    """One step of the generator G on fresh fakes, as many as there are x_real (B, C, H, W); z comes from `rng`.

    The real images are looked at only where G's loss compares with them. D stays as it is (Arjovsky et al. 2017,
    Algorithm 1). Returns G's loss, a scalar without gradient.
    """
    with untouched(D):
        z = draw_z(G, len(x_real), rng)
        opt_g.zero_grad()
        with computed_once(D):
            fake_scores = wide(D(G(z)))
            real_scores = wide(D(x_real)) if loss.compares else fake_scores.detach()
            loss_g = loss.generator(real_scores, fake_scores)
            loss_g.backward()
        opt_g.step()
    return loss_g.detach()


@torch.no_grad()
def clip_weights(network: nn.Module, limit: float) -> None:
    """Every parameter into [-limit, limit], in place (WGAN: Arjovsky et al. 2017, Algorithm 1).

    A network so bounded has a bounded slope, whatever it learns; how large, depends on its layers. BatchNorm's weights,
    which start at 1, are parameters too.
    """
    for parameter in network.parameters():
        parameter.clamp_(-limit, limit)


@contextlib.contextmanager
def untouched(D: nn.Module) -> Iterator[None]:
    """Inside, D can be used in train mode and nothing that it has changes (ours).

    Its parameters get no gradient, spectral norm makes no power iteration, BatchNorm keeps no running statistics.
    """
    norms = [layer for layer in D.modules() if isinstance(layer, _BatchNorm)]
    tracking = [layer.track_running_stats for layer in norms]
    D.requires_grad_(False)
    for layer in norms:
        layer.track_running_stats = False
    try:
        with held(D):
            yield
    finally:  # whoever stops the kernel here keeps a D that can train
        D.requires_grad_(True)
        for layer, before in zip(norms, tracking, strict=True):
            layer.track_running_stats = before
