"""BigGAN's rounds: against one written by hand, resumed, in parts, and what is refused."""

from typing import Any

import pytest
import torch

from gancourse import models
from gancourse.data.images import Images
from gancourse.data.pairs import LabelledImages
from gancourse.models.spectral import computed_once, held, normalised
from gancourse.training import BigGAN, BigGANRecipe, Config, Trainer, draw_z
from gancourse.training.biggan import orthogonal_penalty
from gancourse.training.run import Run

pytestmark = pytest.mark.usefixtures("one_thread")
networks: Any = models.networks


def digits(n: int = 48, classes: int = 10) -> LabelledImages:
    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (n, 1, 28, 28), generator=rng, dtype=torch.uint8)
    return LabelledImages(Images(pixels, torch.randint(0, classes, (n,), generator=rng), name="noise"))


def made(**options: int) -> Any:
    torch.manual_seed(0)
    return networks("biggan", **({"width": 4} | options))


def trained(epochs: int = 2, out=None, accumulate: int = 1, options: Any = None, recipe: Any = None, **more) -> Any:
    settings: Any = {"batch_size": 8, "k": 2, "lr": 1e-3, "betas": (0.0, 0.999), "ema_half_life": 50.0}
    settings |= {"fast": False, "precision": "float32"} | more
    G, D = made(**(options or {}))
    algorithm = BigGAN(G, D, recipe or BigGANRecipe(orthogonal=0.01, lr_d=2e-3))
    config = Config("biggan", epochs, **settings)
    trainer = Trainer(algorithm, digits(), config, out, "cpu", accumulate=accumulate)
    trainer.fit(progress=False)
    return trainer


def state(nets: Any) -> torch.Tensor:
    """Weights and buffers, u and v of spectral norm among them."""
    return torch.cat([v.detach().flatten().double() for n in nets for v in n.state_dict().values()])


def everything(trainer: Trainer) -> torch.Tensor:
    """That, the average, what the optimisers remember, and the random state."""
    kept = [
        value.flatten().double()
        for optimiser in trainer.algorithm.optimisers.values()
        for _, one in sorted(optimiser.state_dict()["state"].items())
        for _, value in sorted(one.items())
    ]
    nets = [*trainer.networks.values(), *trainer.averages.values()]
    return torch.cat([state(nets), *kept, trainer.rng.get_state().double()])


def off_diagonal(network: Any) -> torch.Tensor:
    """The penalty as its paper's code has it, layer by layer."""
    total = torch.zeros(())
    for layer in network.modules():
        if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d)):
            stored: Any = layer
            w = stored.parametrizations.weight.original if hasattr(layer, "parametrizations") else layer.weight
            w = w.flatten(1)
            total = total + (w @ w.T * (1 - torch.eye(len(w)))).square().sum()
    return total


def test_rounds_written_by_hand_give_the_same_bits():
    G, D = made()
    opt_g, opt_d = (torch.optim.Adam(n.parameters(), lr, (0.0, 0.999)) for n, lr in ((G, 1e-3), (D, 2e-3)))
    rng, data = torch.Generator().manual_seed(0), digits()
    for _ in range(2):
        batches = list(data.batches(8, rng))
        for i, (x, y) in enumerate(batches):
            z = draw_z(G, 8, rng)
            with torch.no_grad(), computed_once(G):
                fake = G(z, y)
            opt_d.zero_grad()
            with computed_once(D):
                loss = (1 - D(x, y)).relu().mean() + (1 + D(fake, y)).relu().mean()
                loss.backward()
            opt_d.step()
            if i % 2 == 0:
                continue
            opt_g.zero_grad()
            with computed_once(G), held(D), computed_once(D):
                (-D(G(draw_z(G, 8, rng), y), y).mean()).backward()
            (0.01 * orthogonal_penalty(G)).backward()
            opt_g.step()
    theirs = trained()
    assert torch.equal(state((G, D)), state(theirs.networks.values()))


def test_statistics_are_what_they_are_called():
    trainer = trained(1, recipe=BigGANRecipe(orthogonal=0.5), k=1)
    G, D = (trainer.networks[name] for name in "GD")
    x, y = next(trainer.data.batches(8, torch.Generator().manual_seed(3)))
    penalty = 0.5 * orthogonal_penalty(G).item()
    seen: list[torch.Tensor] = []
    handle = D.register_forward_hook(lambda _, given, out: seen.append(out.detach()))
    row = dict(zip(trainer.algorithm.statistics, trainer.algorithm.round([(x, y)], trainer.rng).tolist(), strict=True))
    handle.remove()
    real, fake, then = seen
    hinge = (1 - real).relu().mean() + (1 + fake).relu().mean()
    expected = {"loss_d": hinge, "score_real": real.mean(), "score_fake": fake.mean(), "loss_g": -then.mean()}
    for name, value in (expected | {"penalty": penalty}).items():
        assert row[name] == pytest.approx(float(value), abs=1e-5), name
    assert row["grad_norm_d"] > 0 and row["grad_norm_g"] > 0
    assert trainer.algorithm.marks() == {"loss_d": (2.0, "2")}


def test_the_penalty_is_that_off_the_diagonal_with_its_gradient():
    G, _ = made()
    for part in G.parameters():
        part.data.add_(0.1 * torch.randn_like(part))
    mine, theirs = orthogonal_penalty(G), off_diagonal(G)
    assert mine.item() == pytest.approx(theirs.item(), rel=1e-4)
    a, b = (torch.autograd.grad(p, list(G.parameters()), allow_unused=True) for p in (mine, theirs))
    for one, other in zip(a, b, strict=True):
        assert (one is None) == (other is None) and (one is None or torch.allclose(one, other, atol=1e-3))
    shared = G.shared.weight
    assert a[[p is shared for p in G.parameters()].index(True)] is None
    rows = torch.nn.Linear(8, 5)
    torch.nn.init.orthogonal_(rows.weight)
    rows.weight.data *= torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])[:, None]
    assert abs(orthogonal_penalty(rows).item()) < 1e-3  # of orthogonal rows nothing is asked, however long they are


def test_it_goes_on_with_the_same_bits(tmp_path):
    whole = trained(2)
    trained(1, tmp_path)
    resumed = trained(2, tmp_path)
    assert torch.equal(everything(whole), everything(resumed))
    assert dict(Run(tmp_path).history().marks) == {"loss_d": (2.0, "2")}
    assert (Run(tmp_path).config or {})["biggan"] == {"orthogonal": 0.01, "lr_d": 2e-3, "lr_g": None}


def test_parts_of_a_batch_add_up_where_no_norm_sees_a_batch():
    """In D's first step: its gradient over two parts is that of the whole, for the same fakes."""
    found = []
    for parts in (1, 2):
        trainer = trained(1, accumulate=parts)
        for norm in trainer.networks["G"].modules():
            if isinstance(norm, torch.nn.BatchNorm2d):
                norm.eval()
        for network in trainer.networks.values():
            for layer in normalised(network):
                layer.parametrizations.eval()
        fresh = made()
        for name, network in zip("GD", fresh, strict=True):
            trainer.networks[name].load_state_dict(network.state_dict())
        x, y = next(trainer.data.batches(8, torch.Generator().manual_seed(3)))
        rng = torch.Generator().manual_seed(4)
        found.append(dict(zip(trainer.algorithm.statistics, trainer.algorithm.round([(x, y)], rng), strict=True)))
    for name in ("loss_d", "score_real", "score_fake", "penalty", "grad_norm_d"):
        assert torch.allclose(found[0][name], found[1][name], atol=1e-4), name


def test_fakes_have_the_labels_of_the_batch_beside_them():
    trainer, seen = trained(1), []
    for name, network in trainer.networks.items():
        network.register_forward_pre_hook(lambda _, given, name=name: seen.append((name, given[1].clone())))
    a, b = list(trainer.data.batches(8, torch.Generator().manual_seed(3)))[:2]
    trainer.algorithm.round([a, b], trainer.rng)
    assert [name for name, _ in seen] == ["G", "D", "D", "G", "D", "D", "G", "D"]
    expected = [a[1]] * 3 + [b[1]] * 5
    assert all(torch.equal(given, y) for (_, given), y in zip(seen, expected, strict=True))
    assert not torch.equal(a[1], b[1])


def test_every_use_of_a_network_reads_its_weights_once_outside_autocast(monkeypatch):
    trainer, used = trained(1), []
    names = {id(network): name for name, network in trainer.networks.items()}

    def watched(network):
        used.append(names[id(network)])
        return computed_once(network)

    monkeypatch.setattr("gancourse.training.algorithms.biggan.computed_once", watched)
    trainer.algorithm.round(list(trainer.data.batches(8, torch.Generator().manual_seed(3)))[:2], trainer.rng)
    assert used == ["G", "D"] * 3


def test_in_gs_step_nothing_of_d_changes_and_in_ds_no_weight_of_g():
    trainer = trained(1)
    G, D = (trainer.networks[name] for name in "GD")
    x, y = next(trainer.data.batches(8, torch.Generator().manual_seed(3)))
    before, weights = state([D]), torch.cat([p.detach().flatten() for p in G.parameters()])
    trainer.algorithm._generator_step(y, trainer.rng)
    assert torch.equal(state([D]), before) and all(p.requires_grad for p in D.parameters())
    moved = torch.cat([p.detach().flatten() for p in G.parameters()])
    assert not torch.equal(moved, weights)
    trainer.algorithm._discriminator_step(x, y, trainer.rng)
    assert torch.equal(torch.cat([p.detach().flatten() for p in G.parameters()]), moved)
    assert not torch.equal(state([D]), before)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("size", [28, 32])
def test_the_fast_path_trains_both_sizes_and_samples_have_every_class(size, precision):
    classes, channels = (10, 1) if size == 28 else (25, 3)
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (32, channels, size, size), dtype=torch.uint8)
    data = LabelledImages(Images(pixels, torch.arange(32) % classes, name="noise"))
    algorithm = BigGAN(*networks("biggan", width=4, size=size, classes=classes))
    config = Config("biggan", 1, 8, ema_half_life=100.0, precision=precision)
    trainer = Trainer(algorithm, data, config, device="cpu")
    row = trainer.fit(progress=False)[0]
    assert all(torch.isfinite(torch.tensor(list(row.values()))))
    z, y = trainer.fixed
    assert trainer.samples[1].shape == (8 * classes, channels, size, size)
    assert torch.equal(z[:8], z[-8:]) and y.tolist() == [c for c in range(classes) for _ in range(8)]
    with torch.no_grad():
        again = trainer.averages["ema"].eval()(z, y)
    assert torch.equal(((again + 1) * 127.5).round().to(torch.uint8), trainer.samples[1])


def test_what_does_not_fit_is_refused():
    G, D = made()
    with pytest.raises(ValueError, match="BigGAN trains those of"):
        BigGAN(*networks("dcgan"))
    with pytest.raises(ValueError, match=r"G makes 10 classes .* and D judges 5"):
        BigGAN(G, made(classes=5)[1])
    three = LabelledImages(Images(torch.zeros(16, 3, 32, 32, dtype=torch.uint8), torch.zeros(16).long(), name="rgb"))
    several = LabelledImages(Images(torch.zeros(16, 1, 28, 28, dtype=torch.uint8), torch.zeros(16, 2).long(), "two"))
    for data, message in (
        (several, r"labels of shape \(16, 2\), expected one class an image"),
        (digits().images, "use LabelledImages"),
        (digits(classes=12), "labels from 0 to 11, and G knows 10 classes"),
        (three, r"shape \(3, 32, 32\), and G makes images of \(1, 28, 28\)"),
    ):
        with pytest.raises(ValueError, match=message):
            Trainer(BigGAN(G, D), data, Config("biggan", batch_size=8), device="cpu")
    for setting in ({"fresh_z": False}, {"loss": "saturating"}):
        with pytest.raises(ValueError, match="which biggan has no use for"):
            Trainer(BigGAN(G, D), digits(), Config("biggan", batch_size=8, **setting), device="cpu")
    with pytest.raises(ValueError, match="orthogonal is -1, expected 0"):
        BigGANRecipe(orthogonal=-1)
