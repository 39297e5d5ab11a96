"""One round of Algorithm 1 of Goodfellow et al. 2014, as one would write it by hand: k steps of D, then one of G."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gancourse.models.base import Z_SIZE
from gancourse.training.losses import discriminator_loss, non_saturating_loss, wide
from gancourse.training.processes import ALONE, Share

STATISTICS = ("loss_d", "loss_g", "d_real", "d_fake_before", "d_fake_after", "grad_norm_d", "grad_norm_g")


def draw_z(G: nn.Module, n: int, rng: torch.Generator, share: Share = ALONE) -> Tensor:
    """n latent vectors z ~ N(0, I) for the generator G, (n, z_size), drawn from `rng` on its device.

    share: (rank, processes): draw for all processes, take this one's part, so that every `rng` stays in step.
    """
    rank, processes = share
    z = torch.randn(n * processes, getattr(G, "z_size", Z_SIZE), generator=rng, device=rng.device)
    return z[rank::processes]


def train_step(
    G: nn.Module,
    D: nn.Module,
    opt_g: torch.optim.Optimizer,
    opt_d: torch.optim.Optimizer,
    x_reals: list[Tensor],
    rng: torch.Generator,
    generator_loss: Callable[[Tensor], Tensor] = non_saturating_loss,
    fresh_z: bool = True,
    share: Share = ALONE,
    accumulate: int = 1,
) -> Tensor:
    """One round of Algorithm 1: k discriminator steps, one on each batch of `x_reals`, then one generator step.

    x_reals: k batches of real images, (B, C, H, W) in [-1, 1]. z ~ N(0, I) of shape (B, 100) comes from `rng`.
    fresh_z: draw new z for G's step; False sends D's last fake batch through D once more, as many tutorials do.
    share: which part of the batch this process has, of how many (see gancourse.training.processes); alone, all of it.
    accumulate: pass every batch in so many parts and add up their gradients, to need less memory; BatchNorm then sees
        the smaller parts.

    Real and fake images pass through D as separate batches, so that BatchNorm's statistics cannot give the labels away.
    D's parameters are frozen in G's step: their gradients would be computed only to be thrown away.
    Returns the seven numbers of STATISTICS, (7,), on the images' device; D's are means over its k steps.
    """
    device, k, parts = x_reals[0].device, len(x_reals), accumulate
    d_means, g_means = torch.zeros(4, device=device), torch.zeros(2, device=device)
    for x_real in x_reals:
        fakes = []
        z = draw_z(G, len(x_real), rng, share)
        opt_d.zero_grad()
        for x_part, z_part in zip(x_real.chunk(parts), z.chunk(parts), strict=True):
            x_fake = G(z_part)
            real_logits = wide(D(x_part))
            fake_logits = wide(D(x_fake.detach()))  # detach: this step must not reach G
            loss_d = discriminator_loss(real_logits, fake_logits)
            (loss_d / parts).backward()
            d_means[:3] += means(loss_d, real_logits.sigmoid(), fake_logits.sigmoid()) / parts
            if not fresh_z:
                fakes.append(x_fake)
        opt_d.step()
        d_means[3] += grad_norm(D)

    D.requires_grad_(False)
    try:
        z = draw_z(G, len(x_real), rng, share) if fresh_z else z
        opt_g.zero_grad()
        for i, z_part in enumerate(z.chunk(parts)):
            fake_logits = wide(D(G(z_part) if fresh_z else fakes[i]))
            loss_g = generator_loss(fake_logits)
            (loss_g / parts).backward()
            g_means += means(loss_g, fake_logits.sigmoid()) / parts
        opt_g.step()
    finally:  # whoever stops the kernel here keeps a D that can train
        D.requires_grad_(True)
    loss_d, d_real, d_fake, norm_d = d_means / k
    loss_g, d_fake_after = g_means
    return torch.stack([loss_d, loss_g, d_real, d_fake, d_fake_after, norm_d, grad_norm(G)])


def means(*answers: Tensor) -> Tensor:
    """The mean of each of n tensors, as one vector (n,) without gradient."""
    return torch.stack([answer.detach().mean() for answer in answers])


@torch.no_grad()
def grad_norm(network: nn.Module) -> Tensor:
    """Euclidean norm over all gradients of a network, a scalar."""
    return torch.nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None])
