"""StyleGAN's rounds: against one written by hand, against penalties in every step, resumed, in parts, refused."""

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from gancourse.data import Images
from gancourse.data.pairs import AlignedPairs
from gancourse.models import networks
from gancourse.models.growing import fading, grown
from gancourse.models.spectral import spectral_norm
from gancourse.training import Config, Trainer
from gancourse.training.algorithms import stylegan
from gancourse.training.algorithms.stylegan import StyleGAN
from gancourse.training.augment import AUGMENTATIONS
from gancourse.training.checkpoint import RunError
from gancourse.training.penalties import r1_penalty
from gancourse.training.step import draw_z
from gancourse.training.style import StyleRecipe, crossed, lazy, path_lengths

PLAIN: dict[str, Any] = {"fast": False, "precision": "float32"}
OFTEN = StyleRecipe(r1=1.0, r1_every=2, path_length=2.0, path_every=3)


def some(n: int = 48, size: int = 16, seed: int = 0) -> Images:
    rng = torch.Generator().manual_seed(seed)
    small = torch.rand(n, 3, size // 4, size // 4, generator=rng) * 255
    return Images(F.interpolate(small, scale_factor=4).to(torch.uint8), name="squares")


def made(seed: int = 0, **options: int) -> Any:
    torch.manual_seed(seed)
    return networks("stylegan", **({"width": 4, "size": 16, "mapping": 2, "latent": 8} | options))


def of(recipe: StyleRecipe = OFTEN, epochs: int = 2, out=None, nets=None, accumulate: int = 1, **config) -> Any:
    settings: dict[str, Any] = (
        {"batch_size": 8, "lr": 2e-3, "betas": (0.0, 0.99), "ema_half_life": 50.0} | PLAIN | config
    )
    G, D = nets or made()
    algorithm = StyleGAN(G, D, recipe)
    return Trainer(algorithm, some(), Config("stylegan", epochs, **settings), out, "cpu", accumulate=accumulate)


def fitted(*arguments: Any, **more: Any) -> Any:
    trainer = of(*arguments, **more)
    trainer.fit(progress=False)
    return trainer


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    everything = trainer.networks | trainer.averages
    return {f"{name}.{key}": value for name, net in everything.items() for key, value in net.state_dict().items()}


def same(one: Trainer, other: Trainer) -> bool:
    a, b = weights(one), weights(other)
    return all(torch.equal(a[name], b[name]) for name in a)


# -- by hand ----------------------------------------------------------------------------------


def fakes(G, n, rng, mixing):
    w, other = G.mapping(draw_z(G, n, rng)), G.mapping(draw_z(G, n, rng))
    u, v = torch.rand(2, n, generator=rng)
    L = G.synthesis.n_styles
    first = [1 + min(int(v[i] * (L - 1)), L - 2) if u[i] < mixing else L for i in range(n)]
    later = torch.arange(L) >= torch.tensor(first)[:, None]
    styles = torch.where(later[:, :, None], other[:, None], w[:, None])
    return styles, w


def by_hand(recipe: Any, epochs: int, batch: int = 8):
    """Both networks, trained; and the means of losses, answers and penalties, epoch by epoch."""
    G, D = made()
    plain = 2e-3, (0.0, 0.99)
    (lr_g, betas_g), (lr_d, betas_d) = (
        lazy(*plain, every) if every > 1 else plain for every in (recipe.path_every, recipe.r1_every)
    )
    opt_g, opt_d = torch.optim.Adam(G.parameters(), lr_g, betas_g), torch.optim.Adam(D.parameters(), lr_d, betas_d)
    rng, step, means = torch.Generator().manual_seed(0), 0, []

    def path():
        styles, _ = fakes(G, batch // 2, rng, recipe.mixing)
        noise = G.synthesis.draw_noise(batch // 2, rng)
        y = torch.randn(batch // 2, 3, 16, 16, generator=rng) / 16
        (g,) = torch.autograd.grad((G.synthesis(styles, noise) * y).sum(), styles, create_graph=True)
        length = g.square().sum(2).mean(1).sqrt()
        G.path_mean.lerp_(length.detach().mean(), 1 - 0.99)
        found["path_length"].append(length.mean().item())
        return recipe.path_length * (length - G.path_mean).square().mean()

    def r1(x):
        slope = r1_penalty(D, x)
        found["r1"].append(slope.item())
        return recipe.r1 / 2 * slope

    for _ in range(epochs):
        found: dict[str, list[float]] = {
            name: [] for name in ("loss_d", "loss_g", "d_real", "d_fake", "r1", "path_length")
        }
        for x in some().batches(batch, rng):
            with torch.no_grad():
                fake = G.synthesis(fakes(G, batch, rng, recipe.mixing)[0], G.synthesis.draw_noise(batch, rng))
            real_logits, fake_logits = D(x), D(fake)
            loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
            opt_d.zero_grad()
            (loss + r1(x) if recipe.r1_every == 1 else loss).backward()
            opt_d.step()
            found["loss_d"].append(loss.item())
            found["d_real"].append(real_logits.sigmoid().mean().item())
            found["d_fake"].append(fake_logits.sigmoid().mean().item())
            if recipe.r1_every > 1 and step % recipe.r1_every == 0:
                opt_d.zero_grad()
                (recipe.r1_every * r1(x)).backward()
                opt_d.step()
            opt_g.zero_grad()
            styles, w = fakes(G, batch, rng, recipe.mixing)
            fake = G.synthesis(styles, G.synthesis.draw_noise(batch, rng))
            G.mapping.w_mean.lerp_(w.detach().mean(0), 1 - recipe.w_decay)
            loss = F.softplus(-D(fake)).mean()
            (loss + path() if recipe.path_every == 1 else loss).backward()
            opt_g.step()
            found["loss_g"].append(loss.item())
            if recipe.path_every > 1 and step % recipe.path_every == 0:
                opt_g.zero_grad()
                (recipe.path_every * path()).backward()
                opt_g.step()
            step += 1
        means.append({name: sum(values) / len(values) for name, values in found.items()})
    return G, D, means


EAGER = StyleRecipe(r1=1.0, r1_every=1, path_length=2.0, path_every=1)


@pytest.mark.parametrize("recipe", [OFTEN, EAGER, StyleRecipe(r1=1.0, r1_every=4, path_length=2.0, path_every=5)])
def test_a_round_written_by_hand_gives_the_same_bits_and_numbers(recipe):
    G, D, means = by_hand(recipe, 2)
    trainer = fitted(recipe, 2)
    for name, mine in {"G": G, "D": D}.items():
        for key, value in mine.state_dict().items():
            assert torch.equal(value, trainer.networks[name].state_dict()[key]), (name, key)
    for row, expected in zip(trainer.history, means, strict=True):
        assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-4)


# -- penalties that are taken seldom ----------------------------------------------------------


def grads(network) -> torch.Tensor:
    parts = [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in network.parameters()]
    return torch.cat(parts).clone()


def standing_still(trainer: Any) -> Any:
    """Its algorithm, whose optimisers no longer move anything."""
    for optimiser in trainer.algorithm.optimisers.values():
        optimiser.step = lambda: None
    return trainer.algorithm


def test_a_lazy_step_weighs_as_much_as_so_many_eager_ones():
    x = some(8).pixels.float() / 127.5 - 1
    lazy_one = standing_still(of(StyleRecipe(r1=3.0, r1_every=4, path_length=2.0, path_every=4), nets=made(3)))
    lazy_one._r1_step(x, torch.Generator())
    heavy = grads(lazy_one.networks["D"])
    eager = standing_still(of(StyleRecipe(r1=3.0, r1_every=1, path_length=2.0, path_every=1), nets=made(3)))
    light = []
    for with_r1 in (True, False):
        eager._discriminator_step(x, torch.Generator().manual_seed(0), with_r1)
        light.append(grads(eager.networks["D"]))
    assert heavy.abs().max() > 0 and torch.allclose(heavy, 4 * (light[0] - light[1]), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("step", ["_generator_step", "_discriminator_step", "_r1_step", "_path_step"])
def test_parts_of_a_batch_add_up_to_the_step_of_the_whole(step, monkeypatch):
    """Eight images in two parts: the same z and noise, and a D that is not told how much its group differs."""
    rng = torch.Generator().manual_seed(0)
    z, x = torch.randn(8, 8, generator=rng), some(8).pixels.float() / 127.5 - 1
    noise, y = [torch.randn(8, 1, s, s, generator=rng) for s in (4, 8, 8, 16, 16)], torch.randn(8, 3, 16, 16) / 16
    found = {}
    for parts in (1, 2):
        nets = made(3)
        nets[1].net[-7].weight.data[:, -1] = 0  # of the map with the group's deviation
        algorithm, asked = standing_still(of(OFTEN, nets=nets, accumulate=parts)), {"w": 0, "noise": 0, "y": 0}

        def rows(what, n, asked=asked):
            asked[what] += n
            return slice(asked[what] - n, asked[what])

        def styles(n, rng, G=nets[0], rows=rows):
            w = G.mapping(z[rows("w", n)])
            return w[:, None].expand(-1, 6, -1).contiguous(), w

        monkeypatch.setattr(algorithm, "_styles", styles)

        def maps(n, rng, rows=rows):
            where = rows("noise", n)
            return [m[where] for m in noise]

        monkeypatch.setattr(algorithm, "_noise", maps)
        monkeypatch.setattr(algorithm, "_drawn", lambda rng, n, *shape, rows=rows: y[rows("y", n)])
        monkeypatch.setattr(stylegan, "PATH_SHRINK", 1)
        monkeypatch.setattr(stylegan, "PATH_KEPT", 1.0)
        given = {"_generator_step": (8, rng, False), "_path_step": (8, rng), "_r1_step": (x, rng)}
        numbers = getattr(algorithm, step)(*given.get(step, (x, rng, False)))
        network = nets[0] if step in ("_generator_step", "_path_step") else nets[1]
        if network is nets[1]:
            network.net[-7].weight.grad[:, -1] = 0  # it does depend on the group
        first = numbers[0] if isinstance(numbers, tuple) else numbers
        found[parts] = grads(network), first[:3] if first.ndim else first, nets[0].mapping.w_mean.clone()
    whole, halves = found[1], found[2]
    assert whole[0].abs().max() > 0
    torch.testing.assert_close(halves[0], whole[0], rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(halves[1], whole[1], rtol=1e-4, atol=1e-6)
    if step == "_generator_step":
        torch.testing.assert_close(halves[2], whole[2], rtol=0.01, atol=1e-6)


def test_processes_draw_shares_of_the_same_numbers():
    def drawn(rank, size, n):
        algorithm = of(StyleRecipe(mixing=0.5)).algorithm
        team = SimpleNamespace(share=(rank, size), size=size, mean=lambda tensor: tensor)
        algorithm.setting = replace(algorithm.setting, team=team)
        rng = torch.Generator().manual_seed(4)
        return [*algorithm._styles(n, rng), *algorithm._noise(n, rng), algorithm._drawn(rng, n, 3)]

    for rank in (0, 1):
        for part, whole in zip(drawn(rank, 2, 4), drawn(0, 1, 8), strict=True):
            assert torch.allclose(part, whole[rank::2], atol=1e-6)


def test_the_mean_of_paths_moves_as_fast_in_parts():
    means = []
    for parts in (1, 2):
        algorithm = standing_still(of(OFTEN, nets=made(3), accumulate=parts))
        for _ in range(20):
            algorithm._path_step(8, torch.Generator().manual_seed(0))
        means.append(algorithm.networks["G"].path_mean.item())
    assert means[1] == pytest.approx(means[0], rel=0.3)


def test_second_derivatives_are_not_taken_in_bfloat16():
    algorithm = of(OFTEN, fast=True, precision="bfloat16").algorithm
    plain = of(OFTEN).algorithm
    with torch.autocast("cpu", torch.bfloat16):
        rough = algorithm._path_penalty(8, torch.Generator().manual_seed(0))[1]
    assert rough == pytest.approx(plain._path_penalty(8, torch.Generator().manual_seed(0))[1].item(), rel=1e-4)


@pytest.mark.parametrize("every", [2, 4, 16])
def test_lazy_rates_go_as_far_and_forget_as_fast_in_k_rounds(every):
    rate, (b1, b2) = lazy(2e-3, (0.5, 0.99), every)
    assert rate * (every + 1) == pytest.approx(2e-3 * every)
    assert b1 ** (every + 1) == pytest.approx(0.5**every) and b2 ** (every + 1) == pytest.approx(0.99**every)


def test_an_optimiser_is_lazy_where_its_penalty_is():
    def rates(recipe, **config):
        return {
            name: (opt.param_groups[0]["lr"], opt.param_groups[0]["betas"])
            for name, opt in of(recipe, **config).algorithm.optimisers.items()
        }

    plain = (2e-3, (0.0, 0.99))
    assert rates(StyleRecipe(r1=0.0)) == {"opt_g": plain, "opt_d": plain}
    assert rates(StyleRecipe(r1=1.0, r1_every=1, path_length=2.0, path_every=1)) == {"opt_g": plain, "opt_d": plain}
    found = rates(StyleRecipe(lr_g=1e-3, path_length=2.0))
    assert found == {"opt_g": lazy(1e-3, (0.0, 0.99), 4), "opt_d": lazy(2e-3, (0.0, 0.99), 16)}


def test_penalties_come_in_their_rounds_and_are_reported(monkeypatch):
    trainer, took = of(OFTEN), []
    for name in ("_r1_step", "_path_step"):
        usual = getattr(StyleGAN, name)

        def watched(self, *given, name=name, usual=usual):
            took.append((name, self._done))
            return usual(self, *given)

        monkeypatch.setattr(StyleGAN, name, watched)
    trainer.fit(progress=False)
    assert [done for name, done in took if name == "_r1_step"] == [0, 2, 4, 6, 8, 10]  # 12 rounds
    assert [done for name, done in took if name == "_path_step"] == [0, 3, 6, 9]
    assert all(row["r1"] > 0 and row["path_length"] > 0 for row in trainer.history)


def test_gamma_is_that_of_the_size_and_the_batch():
    assert StyleRecipe().gamma(64, 32) == pytest.approx(0.0256) and StyleRecipe(r1=0.0).gamma(64, 32) == 0
    assert of(StyleRecipe()).algorithm._gamma == pytest.approx(2e-4 * 256 / 8)


def test_r1_keeps_d_flatter():
    algorithm, rng = of(StyleRecipe(r1=10.0), lr=0.01).algorithm, torch.Generator().manual_seed(0)
    x = some(8).pixels.float() / 127.5 - 1
    found = [algorithm._r1_step(x, rng).item() for _ in range(40)]
    assert found[-1] < found[0] / 3


# -- styles and paths -------------------------------------------------------------------------


def test_crossed_takes_later_layers_from_the_other():
    w, other = torch.zeros(3, 2), torch.ones(3, 2)
    found = crossed(w, other, torch.tensor([0, 2, 4]), 4)[:, :, 0]
    assert found.tolist() == [[1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]]


@pytest.mark.parametrize(("mixing", "least", "most"), [(0.0, 0, 0), (1.0, 400, 400), (0.5, 160, 240)])
def test_so_many_images_are_mixed(mixing, least, most):
    algorithm = of(StyleRecipe(mixing=mixing)).algorithm
    styles, w = algorithm._styles(400, torch.Generator().manual_seed(0))
    is_own = (styles == w[:, None]).all(2)
    assert is_own[:, 0].all() and least <= int((~is_own[:, -1]).sum()) <= most
    if mixing == 1:
        cuts = is_own.sum(1)
        assert set(cuts.tolist()) == {1, 2, 3, 4, 5}  # every place but none and all


def test_the_length_of_a_path_is_that_of_the_jacobian():
    G, _ = made()
    for layer in G.synthesis.convolutions:
        layer.strength.data.fill_(0.2)
    G, w = G.double(), torch.randn(2, 6, 8, dtype=torch.float64)
    noise = [n.double() for n in G.synthesis.draw_noise(2, torch.Generator().manual_seed(1))]
    y = torch.randn(2, 3, 16, 16, dtype=torch.float64) / 16
    found = path_lengths(G.synthesis, w, noise, y)
    for i in range(2):
        one = [n[i : i + 1] for n in noise]

        def projected(v, one=one, i=i):
            return (G.synthesis(v[None], one) * y[i]).sum()

        eps, total = 1e-3, torch.zeros(6, 8, dtype=torch.float64)
        for layer in range(6):
            for k in range(8):
                step = torch.zeros(6, 8, dtype=torch.float64)
                step[layer, k] = eps
                total[layer, k] = (projected(w[i] + step) - projected(w[i] - step)) / (2 * eps)
        assert found[i].item() == pytest.approx(total.square().sum(1).mean().sqrt().item(), rel=0.02)
    (gradient,) = torch.autograd.grad(found.sum(), G.synthesis.constant)
    assert gradient.abs().max() > 0


def test_the_means_of_w_and_of_paths_are_followed():
    trainer = fitted(StyleRecipe(path_length=2.0, w_decay=0.5), 6)
    G = trainer.networks["G"]
    w = G.mapping(torch.randn(2000, 8)).mean(0)
    assert (G.mapping.w_mean - w).norm() < 0.5 * w.norm() + 0.05 and 0 < G.path_mean < 5
    assert torch.equal(trainer.averages["ema"].mapping.w_mean, G.mapping.w_mean)


def test_every_step_has_fakes_of_its_own(monkeypatch):
    seen, usual = [], StyleGAN._fakes

    def watched(self, n, rng):
        x, w = usual(self, n, rng)
        seen.append(x.detach())
        return x, w

    monkeypatch.setattr(StyleGAN, "_fakes", watched)
    of().algorithm.round([torch.zeros(8, 3, 16, 16)], torch.Generator().manual_seed(0))
    assert len(seen) == 2 and not torch.equal(*seen)


# -- what a trainer promises ------------------------------------------------------------------


def test_it_resumes_bit_for_bit(tmp_path):
    whole = fitted(OFTEN, 3)
    with pytest.raises(KeyboardInterrupt):
        begun = of(OFTEN, 3, tmp_path / "run")
        for row in begun.epochs():
            if row["epoch"] == 2:
                raise KeyboardInterrupt
    begun.run.release()
    again = of(OFTEN, 3, tmp_path / "run", nets=made(5))
    assert again.epoch == 2
    again.fit(progress=False)
    assert same(whole, again) and [r["r1"] for r in again.history] == [r["r1"] for r in whole.history]


def test_a_folder_of_another_recipe_is_refused(tmp_path):
    fitted(OFTEN, 1, tmp_path / "run").run.release()
    with pytest.raises(RunError, match="'path_every': 4"):
        of(StyleRecipe(r1=1.0, r1_every=2, path_length=2.0, path_every=4), 1, tmp_path / "run")


def test_parts_that_make_no_groups_are_refused():
    assert len(fitted(OFTEN, 1, accumulate=2).history) == 1
    with pytest.raises(ValueError, match=r"D gets 2 images at a time, .* a group of 4 differ"):
        of(OFTEN, accumulate=4)


@pytest.mark.parametrize("adain", [0, 1])
def test_the_fast_path_in_bfloat16_or_not_learns(adain):
    for precision in ("float32", "bfloat16"):
        nets = made(0, adain=adain)
        trainer = fitted(StyleRecipe(path_length=2.0), 2, nets=nets, fast=True, precision=precision)
        assert all(math.isfinite(value) for row in trainer.history for value in row.values())
        before = made(0, adain=adain)[0].state_dict()
        after = trainer.networks["G"].state_dict()
        assert not torch.equal(before["net.2.constant"], after["net.2.constant"])
        assert after["net.2.convolutions.0.strength"] != 0


def test_d_stays_as_it_is_in_gs_step_and_g_in_ds():
    algorithm = of().algorithm
    rng, x = torch.Generator().manual_seed(0), some(8).pixels.float() / 127.5 - 1
    before = {k: v.clone() for k, v in algorithm.networks["G"].state_dict().items()}
    algorithm._discriminator_step(x, rng, with_r1=False)
    assert all(torch.equal(v, before[k]) for k, v in algorithm.networks["G"].state_dict().items())
    before = {k: v.clone() for k, v in algorithm.networks["D"].state_dict().items()}
    algorithm._generator_step(8, rng, with_path=False)
    assert all(torch.equal(v, before[k]) for k, v in algorithm.networks["D"].state_dict().items())
    assert all(p.requires_grad for p in algorithm.networks["D"].parameters())


def test_spectral_norm_moves_once_a_step_of_d_and_never_in_gs():
    G, D = made()
    layer: Any = torch.nn.Linear(4, 4)
    D.extra = spectral_norm(torch.nn.Sequential(layer))
    algorithm, rng = of(StyleRecipe(r1=0.0), nets=(G, D)).algorithm, torch.Generator().manual_seed(0)
    layer.parametrizations.weight.original.data.normal_()  # which the estimate does not know yet
    u = layer.parametrizations.weight[0]._u
    before = u.clone()
    algorithm._generator_step(8, rng, with_path=False)
    assert torch.equal(u, before)
    algorithm._discriminator_step(some(8).pixels.float() / 127.5 - 1, rng, with_r1=False)
    assert not torch.equal(u, before)


def test_augmented_images_are_what_d_sees(monkeypatch):
    monkeypatch.setitem(AUGMENTATIONS, "colour", lambda x, rng, share: x * 0)
    algorithm, seen = of(StyleRecipe(augment=("colour",))).algorithm, []
    D = algorithm.networks["D"]
    handle = D.register_forward_pre_hook(lambda module, given: seen.append(given[0].abs().max().item()))
    algorithm.round([torch.ones(8, 3, 16, 16)], torch.Generator().manual_seed(0))
    handle.remove()
    assert len(seen) == 4 and max(seen) == 0  # real, fake, for R1, and G's
    assert algorithm.settings()["style"]["augment"] == ["colour"]


def test_what_does_not_fit_is_refused():
    G, D = networks("dcgan128", width=2)
    with pytest.raises(ValueError, match="G is a DCGAN128Generator"):
        StyleGAN(G, D)
    pairs = AlignedPairs(some(), some(seed=1))
    with pytest.raises(ValueError, match="comes in tuples"):
        Trainer(StyleGAN(*made()), pairs, Config("stylegan", 1, 8), device="cpu")
    with pytest.raises(ValueError, match="k is 2, which stylegan has no use for"):
        of(k=2)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"r1": -1.0}, "r1 is -1.0"),
        ({"r1_every": 0}, "r1_every is 0"),
        ({"path_every": 1.5}, "path_every is 1.5"),
        ({"mixing": 1.2}, "mixing is 1.2, expected a number from 0 to 1"),
        ({"augment": ("flips",)}, "augment is"),
        ({"path_length": -2.0}, "path_length is -2.0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        StyleRecipe(**settings)


def test_a_grown_d_fades_in_over_so_many_images_also_after_a_pause(tmp_path):
    def begun():
        nets = grown(*made(size=8))
        return of(StyleRecipe(r1=1.0, r1_every=2, fade=64), 3, tmp_path / "run", nets)

    trainer, shares = begun(), []
    for row in trainer.epochs():  # 6 rounds of 8 images each
        shares.append(fading(trainer.networks["D"])[0].share.item())
        if row["epoch"] == 1:
            break
    trainer.run.release()
    trainer = begun()
    shares += [fading(trainer.networks["D"])[0].share.item() for _ in trainer.epochs()]
    assert shares == pytest.approx([40 / 64, 1.0, 1.0])
    nets = grown(*made(size=8))
    assert fading(fitted(StyleRecipe(), 1, nets=nets).networks["D"])[0].share == 1
