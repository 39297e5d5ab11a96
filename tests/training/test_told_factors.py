"""Algorithm 1 with factors: D is told those of a batch and those that z chose; what cannot be is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gancourse.data import Images, scale
from gancourse.data.churches.classes import churches_with_factors
from gancourse.data.degraded import shrunk
from gancourse.data.pairs import LabelledImages
from gancourse.models import networks
from gancourse.training import Config, Minimax, Recipe, Trainer
from gancourse.training.losses import discriminator_loss, non_saturating_loss
from gancourse.training.step import draw_z

pytestmark = pytest.mark.usefixtures("one_thread")
CONFIG = Config(
    model="dcgan128-factors", batch_size=8, epochs=1, lr=1e-3, fast=False, precision="float32", ema_half_life=32.0
)


def pair() -> Any:
    torch.manual_seed(0)
    made: Any = networks("dcgan128-factors", width=8, width_d=8, size=16)
    with torch.no_grad():
        made[1].net[-2].weight.normal_()  # so that what it is told matters from the first step
    return made


def key(row: torch.Tensor) -> bytes:
    return row.numpy().tobytes()


def data(n: int = 16) -> LabelledImages:
    return shrunk(churches_with_factors(n, 64), 16)


def test_a_round_is_the_one_written_by_hand():
    images = data(8)
    G, D = pair()
    trainer = Trainer(Minimax(G, D), images, CONFIG, device="cpu")
    rng = torch.Generator().manual_seed(7)
    (batch,) = images.batches(8, torch.Generator().manual_seed(3))
    G2, D2 = pair()
    opts = [torch.optim.Adam(network.parameters(), 1e-3, trainer.config.betas, fused=None) for network in (G2, D2)]
    trainer.algorithm.round([batch], rng)

    x, y = batch
    rng = torch.Generator().manual_seed(7)
    z = draw_z(G2, 8, rng)
    loss = discriminator_loss(D2(x, y), D2(G2(z).detach(), G2.code(z)))
    opts[1].zero_grad()
    loss.backward()
    opts[1].step()
    z = draw_z(G2, 8, rng)
    opts[0].zero_grad()
    non_saturating_loss(D2(G2(z), G2.code(z))).backward()
    opts[0].step()
    for one, other in ((G, G2), (D, D2)):
        for name, value in other.state_dict().items():
            assert torch.allclose(one.state_dict()[name], value, atol=1e-6), name


@pytest.mark.parametrize("parts", [1, 2])
def test_every_image_is_judged_with_its_own_factors_also_in_parts_and_under_penalties(parts):
    images, (G, D) = data(), pair()
    seen: list[Any] = []
    D.register_forward_pre_hook(lambda _, given: seen.append((given[0].detach().clone(), given[1].clone())))
    algorithm = Minimax(G, D, Recipe(r1=0.1, r1_share=0.5, gradient_penalty=0.1))
    trainer = Trainer(algorithm, images, CONFIG, device="cpu", accumulate=parts)
    next(trainer.epochs())
    labels: Any = images.images.labels
    known = {key(row): label for row, label in zip(scale(images.images.pixels), labels, strict=True)}
    of_reals = [(row, code) for x, told in seen for row, code in zip(x, told, strict=True) if key(row) in known]
    assert len(of_reals) == 16 + 16 // 2  # D's steps, and R1
    assert all(torch.equal(code, known[key(row)]) for row, code in of_reals)
    assert len({key(told) for _, told in seen}) > 4


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda G, D: Minimax(G, networks("dcgan128-grown", width_d=8, size=16)[1]), "neither does without the other"),
        (lambda G, D: Minimax(networks("dcgan128-grown", width=8, size=16)[0], D), "neither does without the other"),
        (lambda G, D: Minimax(G, D, Recipe(mixed=True)), "mixed is True"),
        (lambda G, D: Minimax(G, D, Recipe(augment=("flip",))), "turned left would be told right"),
    ],
)
def test_networks_and_recipes_that_do_not_fit_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make(*pair())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.images, "has none: give a LabelledImages"),
        (lambda d: LabelledImages(Images(d.images.pixels, d.images.labels[:, 0])), r"labels \(16,\), torch.int64"),
        (lambda d: LabelledImages(Images(d.images.pixels, d.images.labels.float())), "torch.float32"),
        (lambda d: LabelledImages(Images(d.images.pixels, d.images.labels + 1)), "plan goes from"),
    ],
)
def test_data_without_factors_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        Trainer(Minimax(*pair()), change(data()), CONFIG, device="cpu")


def test_labels_are_refused_by_networks_that_take_none():
    G, D = networks("dcgan128-grown", width=8, width_d=8, size=16)
    with pytest.raises(ValueError, match="takes images alone"):
        Trainer(Minimax(G, D), data(), CONFIG, device="cpu")
