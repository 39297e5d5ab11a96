"""The loops that tutorials write for the algorithms of lessons 07 to 12, on the course's own networks.

In float32, every picture on its own through PIL and transforms, D's gradients computed in G's step and thrown away (and
G's in D's, where tutorials forget to detach), losses read back at every step. Each `next` of a loop is one round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from gancourse.training.biggan import orthogonal_penalty

Loop = Callable[[dict[str, nn.Module], "Pictures", dict[str, Any]], Iterator[None]]


class Pictures(Dataset[Any]):
    """Tuples of uint8 pictures (N, C, H, W), and labels where there are some, given out one by one."""

    def __init__(self, *sides: Tensor, labels: Tensor | None = None) -> None:
        self.sides = [side.permute(0, 2, 3, 1).squeeze(-1).numpy() for side in sides]
        self.labels = labels
        self.to_tensor = transforms.Compose([transforms.ToTensor(), transforms.Lambda(lambda x: 2 * x - 1)])

    def __len__(self) -> int:
        return len(self.sides[0])

    def __getitem__(self, i: int) -> Any:
        found: list[Any] = [self.to_tensor(Image.fromarray(np.asarray(side[i]))) for side in self.sides]
        return [*found, self.labels[i]] if self.labels is not None else found


def _batches(data: Pictures, config: dict[str, Any]) -> Iterator[Any]:
    loader = DataLoader(data, config.get("batch_size", 128), shuffle=True, drop_last=True)
    while True:
        yield from loader


def _adam(config: dict[str, Any], *networks: nn.Module) -> torch.optim.Adam:
    parameters = [p for network in networks for p in network.parameters()]
    return torch.optim.Adam(parameters, config.get("lr", 2e-4), config.get("betas", (0.5, 0.999)))


def _called(answer: Tensor, real: bool) -> Tensor:
    """The binary cross-entropy of logits that are to say real, or fake."""
    return F.binary_cross_entropy_with_logits(answer, torch.full_like(answer, float(real)))


def wgan_gp(networks: dict[str, nn.Module], data: Pictures, config: dict[str, Any]) -> Iterator[None]:
    G, D = networks["G"], networks["D"]
    opt_g, opt_d = _adam(config, G), _adam(config, D)
    k = config["k"]
    for done, (real,) in enumerate(_batches(data, config), start=1):
        opt_d.zero_grad()
        fake = G(torch.randn(len(real), 100))
        share = torch.rand(len(real), 1, 1, 1)
        between = (share * real + (1 - share) * fake).requires_grad_(True)
        scores = D(between)
        (slope,) = torch.autograd.grad(scores, between, torch.ones_like(scores), create_graph=True, retain_graph=True)
        penalty = ((slope.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
        loss_d = -D(real).mean() + D(fake).mean() + 10 * penalty
        loss_d.backward()
        opt_d.step()
        if done % k == 0:
            opt_g.zero_grad()
            loss_g = -D(G(torch.randn(len(real), 100))).mean()
            loss_g.backward()
            opt_g.step()
            loss_d.item(), loss_g.item()
            yield


def pix2pix(networks: dict[str, nn.Module], data: Pictures, config: dict[str, Any]) -> Iterator[None]:
    G, D = networks["G"], networks["D"]
    opt_g, opt_d = _adam(config, G), _adam(config, D)
    for x, y in _batches(data, config):
        opt_g.zero_grad()
        fake = G(x)
        answer = D(torch.cat([x, fake], 1))
        loss_g = _called(answer, True) + 100 * F.l1_loss(fake, y)
        loss_g.backward()
        opt_g.step()
        opt_d.zero_grad()
        of_real, of_fake = D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1))
        loss_d = _called(of_real, True) + _called(of_fake, False)
        loss_d.backward()
        opt_d.step()
        loss_d.item(), loss_g.item()
        yield


def cyclegan(networks: dict[str, nn.Module], data: Pictures, config: dict[str, Any]) -> Iterator[None]:
    G_ab, G_ba, D_a, D_b = (networks[name] for name in ("G_ab", "G_ba", "D_a", "D_b"))
    opt_g, opt_d = _adam(config, G_ab, G_ba), _adam(config, D_a, D_b)
    for a, b in _batches(data, config):
        opt_g.zero_grad()
        loss_g = 5 * (F.l1_loss(G_ab(b), b) + F.l1_loss(G_ba(a), a))
        fake_b, fake_a = G_ab(a), G_ba(b)
        for answer in (D_b(fake_b), D_a(fake_a)):
            loss_g = loss_g + F.mse_loss(answer, torch.ones_like(answer))
        loss_g = loss_g + 10 * (F.l1_loss(G_ba(fake_b), a) + F.l1_loss(G_ab(fake_a), b))
        loss_g.backward()
        opt_g.step()
        opt_d.zero_grad()
        for D, real, fake in ((D_a, a, fake_a), (D_b, b, fake_b)):
            of_real, of_fake = D(real), D(fake.detach())
            loss_d = 0.5 * (
                F.mse_loss(of_real, torch.ones_like(of_real)) + F.mse_loss(of_fake, torch.zeros_like(of_fake))
            )
            loss_d.backward()
        opt_d.step()
        loss_d.item(), loss_g.item()
        yield


def srgan(networks: dict[str, nn.Module], data: Pictures, config: dict[str, Any]) -> Iterator[None]:
    G, D = networks["G"], networks["D"]
    opt_g, opt_d = _adam(config, G), _adam(config, D)
    for (large,) in _batches(data, config):
        large = large[..., :64, :64]
        fake = G(F.avg_pool2d(large, 4))
        opt_d.zero_grad()
        of_real, of_fake = D(large), D(fake.detach())
        loss_d = _called(of_real, True) + _called(of_fake, False)
        loss_d.backward()
        opt_d.step()
        opt_g.zero_grad()
        answer = D(fake)
        loss_g = F.mse_loss(fake, large) + 1e-3 * _called(answer, True)
        loss_g.backward()
        opt_g.step()
        loss_d.item(), loss_g.item()
        yield


def stylegan(networks: dict[str, nn.Module], data: Pictures, config: dict[str, Any]) -> Iterator[None]:
    G, D = networks["G"], networks["D"]
    opt_g, opt_d = _adam(config, G), _adam(config, D)
    for done, (real,) in enumerate(_batches(data, config)):
        opt_d.zero_grad()
        fake = G(torch.randn(len(real), int(G.z_size)))  # type: ignore[arg-type]
        loss_d = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
        loss_d.backward()
        opt_d.step()
        if done % 16 == 0:
            real.requires_grad_(True)
            (slope,) = torch.autograd.grad(D(real).sum(), real, create_graph=True)
            opt_d.zero_grad()
            (16 * 5 * slope.flatten(1).square().sum(1).mean()).backward()
            opt_d.step()
        opt_g.zero_grad()
        loss_g = F.softplus(-D(G(torch.randn(len(real), int(G.z_size))))).mean()  # type: ignore[arg-type]
        loss_g.backward()
        opt_g.step()
        loss_d.item(), loss_g.item()
        yield


def biggan(networks: dict[str, nn.Module], data: Pictures, config: dict[str, Any]) -> Iterator[None]:
    G, D = networks["G"], networks["D"]
    opt_g, opt_d = _adam(config, G), _adam(config, D)
    for real, y in _batches(data, config):
        opt_d.zero_grad()
        fake = G(torch.randn(len(real), int(G.z_size)), y)  # type: ignore[arg-type]
        loss_d = F.relu(1 - D(real, y)).mean() + F.relu(1 + D(fake.detach(), y)).mean()
        loss_d.backward()
        opt_d.step()
        opt_g.zero_grad()
        loss_g = -D(G(torch.randn(len(real), int(G.z_size)), y), y).mean() + 1e-4 * orthogonal_penalty(G)  # type: ignore[arg-type]
        loss_g.backward()
        opt_g.step()
        loss_d.item(), loss_g.item()
        yield


LOOPS: dict[str, Loop] = {
    "wgan-gp": wgan_gp,
    "pix2pix": pix2pix,
    "cyclegan-dusk": cyclegan,
    "srgan": srgan,
    "stylegan": stylegan,
    "biggan": biggan,
}
