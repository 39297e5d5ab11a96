"""A conditional GAN: the package's round against one written by hand, in parts, resumed; and what D must know."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import softplus

from gancourse.data.images import Images
from gancourse.data.pairs import LabelledImages
from gancourse.evaluation.conditions import obedience
from gancourse.models.conditional import ConditionalDiscriminator, ConditionalGenerator
from gancourse.training import ConditionalGAN, Config, Trainer, draw_z
from gancourse.training.run import Run

pytestmark = pytest.mark.usefixtures("one_thread")


def digits(n: int = 48) -> LabelledImages:
    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (n, 1, 28, 28), generator=rng, dtype=torch.uint8)
    return LabelledImages(Images(pixels, torch.randint(0, 10, (n,), generator=rng), name="noise"))


def trained(epochs: int = 2, out=None, accumulate: int = 1, told: bool = True) -> Trainer:
    torch.manual_seed(0)
    algorithm = ConditionalGAN(ConditionalGenerator(), ConditionalDiscriminator(told))
    config = Config("conditional", epochs, 8, fast=False, precision="float32")
    trainer = Trainer(algorithm, digits(), config, out, "cpu", accumulate=accumulate)
    trainer.fit(progress=False)
    return trainer


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for n in trainer.networks.values() for p in n.parameters()])


def state(trainer: Trainer) -> torch.Tensor:
    """The weights, what the optimisers remember, and the random state."""
    kept = [
        value.flatten().double()
        for optimiser in trainer.algorithm.optimisers.values()
        for _, one in sorted(optimiser.state_dict()["state"].items())
        for _, value in sorted(one.items())
    ]
    return torch.cat([weights(trainer).double(), *kept, trainer.rng.get_state().double()])


def test_a_round_written_by_hand_gives_the_same_bits():
    torch.manual_seed(0)
    G, D = ConditionalGenerator(), ConditionalDiscriminator()
    opt_g, opt_d = (torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999)) for n in (G, D))
    rng, data = torch.Generator().manual_seed(0), digits()
    for _ in range(2):
        for x, y in data.batches(8, rng):
            with torch.no_grad():
                fake = G(draw_z(G, len(x), rng), y)
            loss_d = softplus(-D(x, y)).mean() + softplus(D(fake, y)).mean()
            opt_d.zero_grad()
            loss_d.backward()
            opt_d.step()
            loss_g = softplus(-D(G(draw_z(G, len(x), rng), y), y)).mean()
            opt_g.zero_grad()
            loss_g.backward()
            opt_g.step()
    theirs = trained()
    mine = torch.cat([p.detach().flatten() for n in (G, D) for p in n.parameters()])
    assert torch.equal(mine, weights(theirs))


def test_it_goes_on_with_the_same_bits_and_its_parts_add_up(tmp_path):
    whole = trained(2)
    trained(1, tmp_path)
    resumed = trained(2, tmp_path)
    assert torch.equal(state(whole), state(resumed))
    assert dict(Run(tmp_path).history().marks) == dict(whole.algorithm.marks())
    assert (weights(trained(2, accumulate=2)) - weights(whole)).abs().max() < 1e-4


def test_both_steps_use_the_classes_of_the_batch():
    """Not classes of their own: randint(0, 9), which never draws 9, is in well-known code."""
    trainer, seen = trained(1), []
    for name, network in trainer.networks.items():
        network.register_forward_pre_hook(lambda _, given, name=name: seen.append((name, given[1].clone())))
    x, y = next(trainer.data.batches(8, torch.Generator().manual_seed(3)))
    trainer.algorithm.round([(x, y)], trainer.rng)
    assert [name for name, _ in seen] == ["G", "D", "D", "G", "D"]
    assert all(torch.equal(given, y) for _, given in seen)


@pytest.mark.parametrize("told", [True, False])
def test_a_d_that_is_not_told_learns_nothing_of_the_class(told):
    torch.manual_seed(0)
    ConditionalGenerator()  # draws what `trained` draws before its D
    before, D = ConditionalDiscriminator(told), trained(1, told=told).networks["D"]
    first, then = (next(network.parameters()).detach() for network in (before, D))
    moved = (then - first).abs().amax(0)
    assert moved[:784].max() > 0 and (moved[784:].max() > 0) == told
    x, y = next(digits().batches(8, torch.Generator().manual_seed(0)))
    assert torch.equal(D(x, y), D(x, (y + 1) % 10)) != told


@pytest.mark.slow
def test_g_learns_to_do_as_it_is_told():
    """A G that ignores its label has a tenth, and nothing else in this file would tell: bits and losses look well."""
    from gancourse.data.mnist_digits import mnist

    torch.manual_seed(0)
    G = ConditionalGenerator()
    config = Config("conditional", 6, lr=1e-3)
    data = LabelledImages(mnist("train").subset(20_000))
    Trainer(ConditionalGAN(G, ConditionalDiscriminator()), data, config, device="cpu").fit(progress=False)
    found = obedience(G).mean
    print(f"obedience {found:.3f}")
    assert found > 0.3


def test_samples_are_the_same_z_with_every_class():
    trainer = trained(1)
    rows = trainer.samples[1].view(10, 8, 1, 28, 28)
    z, y = trainer.fixed
    assert torch.equal(z[:8], z[72:]) and y.tolist() == [digit for digit in range(10) for _ in range(8)]
    assert not torch.equal(rows[0], rows[9])


def test_images_without_labels_are_refused():
    with pytest.raises(ValueError, match="use LabelledImages"):
        algorithm = ConditionalGAN(ConditionalGenerator(), ConditionalDiscriminator())
        Trainer(algorithm, digits().images, Config("conditional", batch_size=8))


def test_obedience_is_read_in_eval_mode_and_the_mode_comes_back():
    class Watched(ConditionalGenerator):
        def forward(self, z, y):
            modes.append(self.training)
            return super().forward(z, y)

    modes: list[bool] = []
    G = Watched().train()
    obedience(G, 2)
    assert modes == [False] * 10 and G.training


def test_obedience_counts_what_the_classifier_reads():
    from gancourse.data.mnist_digits import mnist

    test = mnist("test")
    assert test.labels is not None
    places = {digit: torch.where(test.labels == digit)[0] for digit in range(10)}

    def copier(z, y):  # real digits of the class that is asked for, and of the next one for 9
        index = torch.stack([places[0 if digit == 9 else digit][i] for i, digit in enumerate(y.tolist())])
        return test.pixels[index].float() / 127.5 - 1

    found = obedience(copier, 30)
    assert found.shares[:9].min() > 0.9 and found.shares[9] < 0.1
    assert found.variety[:9].sub(1).abs().max() < 0.1 and found.variety[9].isnan()
    assert found.mean == pytest.approx(found.shares.mean().item())
