"""Pix2Pix and CycleGAN: the package's rounds against rounds written by hand, what each setting does, going on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from gancourse.data.images import Images, scale
from gancourse.data.pairs import AlignedPairs, UnalignedPairs
from gancourse.models import translators
from gancourse.models.base import eval_mode
from gancourse.models.cyclegan import Pool
from gancourse.models.unet import PatchDiscriminator
from gancourse.training import Config, CycleGAN, CycleRecipe, Pix2Pix, Pix2PixRecipe, Trainer
from gancourse.training.run import Run, RunError
from gancourse.training.translation import falling_rate

pytestmark = pytest.mark.usefixtures("one_thread")
ROOT = Path(__file__).resolve().parents[2]
PLAIN: dict[str, Any] = {"fast": False, "precision": "float32"}
KINDS = {"pix2pix": Pix2Pix, "cyclegan": CycleGAN}


def pictures(n: int = 8, seed: int = 0, size: int = 16) -> Images:
    rng = torch.Generator().manual_seed(seed)
    return Images(torch.randint(0, 256, (n, 3, size, size), generator=rng, dtype=torch.uint8), name=f"made up {seed}")


def made(name: str, **options: int) -> Any:
    torch.manual_seed(0)
    return translators(name, width=4, **({"size": 16} if name == "pix2pix" else {}), **options)


def of(algorithm: Pix2Pix | CycleGAN, epochs: int = 2, out=None, **config) -> Trainer:
    pairs = AlignedPairs if isinstance(algorithm, Pix2Pix) else UnalignedPairs
    config = {"batch_size": 2} | PLAIN | config
    torch.manual_seed(1)
    return Trainer(algorithm, pairs(pictures(seed=1), pictures(seed=2)), Config("t", epochs=epochs, **config), out)


def trained(algorithm: Pix2Pix | CycleGAN, epochs: int = 2) -> Any:
    trainer = of(algorithm, epochs)
    trainer.fit(progress=False)
    return trainer


def begun(name: str, out=None, recipe=None) -> Trainer:
    """Four epochs of four rounds, with averages and, for CycleGAN, a pool that is soon full."""
    recipe = recipe or (CycleRecipe(pool=2) if name == "cyclegan" else None)
    return of(KINDS[name](**made(name), recipe=recipe), 4, out, ema_half_life=8.0)


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_a_round_of_pix2pix_written_by_hand_gives_the_same_bits():
    theirs = trained(Pix2Pix(**made("pix2pix")), epochs=2).networks
    G, D = made("pix2pix").values()
    opt_g, opt_d = (torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999), fused=False) for n in (G, D))
    pairs, rng = AlignedPairs(pictures(seed=1), pictures(seed=2)), torch.Generator().manual_seed(0)
    torch.manual_seed(1)
    for _ in range(2):
        for x, y in pairs.batches(2, rng):
            fake = G(x)
            real_logits, fake_logits = D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1))
            loss_d = (softplus(-real_logits).mean() + softplus(fake_logits).mean()) / 2
            opt_d.zero_grad()
            loss_d.backward()
            opt_d.step()
            loss_g = softplus(-D(torch.cat([x, fake], 1))).mean() + 100 * (fake - y).abs().mean()
            opt_g.zero_grad()
            loss_g.backward()
            opt_g.step()
    assert same(G, theirs["G"]) and same(D, theirs["D"])


def test_a_round_of_cyclegan_written_by_hand_gives_the_same_bits():
    # a pool of 2 is full after one batch, so that both of its branches are taken
    theirs = trained(CycleGAN(**made("cyclegan"), recipe=CycleRecipe(pool=2)), epochs=2).networks
    G_ab, G_ba, D_a, D_b = made("cyclegan").values()
    opt_g = torch.optim.Adam(chain(G_ab.parameters(), G_ba.parameters()), 2e-4, (0.5, 0.999))
    opt_d = torch.optim.Adam(chain(D_a.parameters(), D_b.parameters()), 2e-4, (0.5, 0.999))
    pairs, rng = UnalignedPairs(pictures(seed=1), pictures(seed=2)), torch.Generator().manual_seed(0)
    pools = Pool(2, (3, 16, 16)), Pool(2, (3, 16, 16))

    def l1(x, y):
        return (x - y).abs().mean()

    for epoch in range(2):
        for opt in (opt_g, opt_d):
            opt.param_groups[0]["lr"] = falling_rate(2e-4, epoch, 2)
        for a, b in pairs.batches(2, rng):
            fake_b, fake_a = G_ab(a), G_ba(b)
            loss_g = (D_b(fake_b) - 1).square().mean() + (D_a(fake_a) - 1).square().mean()
            loss_g = loss_g + 10 * (l1(G_ba(fake_b), a) + l1(G_ab(fake_a), b))
            loss_g = loss_g + 5 * (l1(G_ab(b), b) + l1(G_ba(a), a))
            opt_g.zero_grad()
            loss_g.backward()
            opt_g.step()
            loss_d = torch.zeros(())
            for D, real, fake, pool in ((D_a, a, fake_a, pools[0]), (D_b, b, fake_b, pools[1])):
                shown = pool.exchange(fake.detach(), rng)
                loss_d = loss_d + ((D(real) - 1).square().mean() / 2 + D(shown).square().mean() / 2)
            opt_d.zero_grad()
            loss_d.backward()
            opt_d.step()
    for name, network in (("G_ab", G_ab), ("G_ba", G_ba), ("D_a", D_a), ("D_b", D_b), ("pool_b", pools[1])):
        assert same(network, theirs[name]), name


def passes(trainer: Trainer) -> int:
    """Forward passes of the four networks in one round."""
    counted: list[int] = []
    for name in ("G_ab", "G_ba", "D_a", "D_b"):
        trainer.networks[name].register_forward_hook(lambda *_: counted.append(1))
    next(trainer.rounds())
    return len(counted)


def test_the_fast_path_passes_two_pictures_at_once_and_finds_the_same_gradients():
    plain, fast = (of(CycleGAN(**made("cyclegan")), fast=fast) for fast in (False, True))
    assert (passes(plain), passes(fast)) == (12, 8)
    for name in ("G_ab", "G_ba", "D_a", "D_b"):
        for p, q in zip(plain.networks[name].parameters(), fast.networks[name].parameters(), strict=True):
            torch.testing.assert_close(p.grad, q.grad, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("recipe", [CycleRecipe(identity=0), CycleRecipe(cycle=0)])
def test_without_an_identity_nothing_more_is_passed_on_the_fast_path(recipe):
    plain, fast = (passes(of(CycleGAN(**made("cyclegan"), recipe=recipe), fast=fast)) for fast in (False, True))
    assert fast == plain - 2  # the two discriminators'


def test_pictures_that_batchnorm_couples_are_passed_one_side_at_a_time():
    networks = made("cyclegan")
    networks["D_a"] = PatchDiscriminator(3, 4, norm="batch")
    assert passes(of(CycleGAN(**networks), fast=True)) == 12


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import torch
torch.set_num_threads(1)
from test_pix2pix_cyclegan import KINDS, begun
trainer = begun({name!r}, {out!r})
kind, done = KINDS[{name!r}], []
real = kind.round
def round(self, *rest):
    done.append(1)
    if len(done) == 10:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, *rest)
kind.round = round
trainer.fit(progress=False)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
@pytest.mark.parametrize("name", KINDS)
def test_a_run_that_is_killed_goes_on_with_the_same_bits(tmp_path, name):
    """Three networks of Pix2Pix, its average among them, and the dice of its dropout; six and two pools of CycleGAN."""
    out = tmp_path / "run"
    code = KILLED.format(tests=str(Path(__file__).parent), out=str(out), name=name)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    resumed = begun(name, out)
    assert resumed.epoch == 2  # 4 rounds an epoch: killed in the third
    resumed.fit(progress=False)
    whole = begun(name)
    whole.fit(progress=False)
    for part, network in (whole.networks | whole.averages).items():
        assert same(network, (resumed.networks | resumed.averages)[part]), part
    assert [row["loss_g"] for row in whole.history] == [row["loss_g"] for row in resumed.history]
    assert dict(resumed.history.marks) == dict(Run(out).history().marks) == dict(resumed.algorithm.marks()) != {}


@pytest.mark.parametrize(
    ("name", "other"), [("pix2pix", Pix2PixRecipe(l1=10.0)), ("cyclegan", CycleRecipe(pool=3))], ids=["l1", "pool"]
)
def test_a_folder_of_another_recipe_is_refused(tmp_path, name, other):
    begun(name, tmp_path).fit(progress=False)
    with pytest.raises(RunError, match="translation: the folder has"):
        begun(name, tmp_path, recipe=other)


# -------------------------------------------------------------------------------- what the settings do


def test_without_an_adversarial_term_d_stays_as_it_is():
    trainer = trained(Pix2Pix(**made("pix2pix"), recipe=Pix2PixRecipe(adversarial=0.0)))
    assert same(trainer.networks["D"], made("pix2pix")["D"])
    assert trainer.history[-1]["loss_d"] == trainer.history[-1]["loss_g"] == 0 < trainer.history[-1]["l1"]
    assert not trainer.history.marks


def test_a_d_that_is_told_nothing_sees_the_picture_alone():
    seen = []
    networks = made("pix2pix", conditional=0)
    networks["D"].register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[1]))
    trained(Pix2Pix(**networks, recipe=Pix2PixRecipe(conditional=False)), epochs=1)
    assert set(seen) == {3}
    with pytest.raises(ValueError, match="channels=3"):
        trained(Pix2Pix(**made("pix2pix"), recipe=Pix2PixRecipe(conditional=False)))


def test_parts_of_a_batch_give_nearly_the_same_step():
    """Without BatchNorm's statistics and dropout, which see the parts, the gradients of two halves add up."""
    found = []
    for accumulate in (1, 2):
        networks = made("pix2pix")
        for network in networks.values():
            network.apply(lambda m: m.eval() if isinstance(m, nn.BatchNorm2d | nn.Dropout) else None)
            network.train = lambda mode=True: None  # it stays so
        pairs = AlignedPairs(pictures(seed=1), pictures(seed=2))
        config = Config("t", epochs=1, batch_size=4, **PLAIN)
        trainer = Trainer(Pix2Pix(**networks), pairs, config, accumulate=accumulate)
        trainer.fit(progress=False)
        found.append(trainer.history[-1]["l1"])
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    with pytest.raises(ValueError, match="smaller batch_size"):
        Trainer(CycleGAN(**made("cyclegan")), UnalignedPairs(pictures(), pictures(seed=2)), config, accumulate=2)


def test_terms_of_the_cycle_can_be_left_out():
    row = trained(CycleGAN(**made("cyclegan"), recipe=CycleRecipe(identity=0.0)), epochs=1).history[0]
    assert row["identity"] == 0 < row["cycle"]
    row = trained(CycleGAN(**made("cyclegan"), recipe=CycleRecipe(cycle=0.0)), epochs=1).history[0]
    assert row["identity"] == row["cycle"] == 0 < row["loss_g"]


def test_the_rates_stay_for_half_of_the_epochs_and_then_fall():
    assert [falling_rate(1.0, epoch, 4) for epoch in range(4)] == [1, 1, 1, 0.5]
    trainer = trained(CycleGAN(**made("cyclegan")), epochs=4)
    assert trainer.algorithm.optimisers["opt_d"].param_groups[0]["lr"] == 1e-4
    trainer = trained(CycleGAN(**made("cyclegan"), recipe=CycleRecipe(decay=False)), epochs=4)
    assert trainer.algorithm.optimisers["opt_d"].param_groups[0]["lr"] == 2e-4


def test_the_pool_shows_earlier_fakes_half_of_the_time_and_loses_none():
    pool, rng = Pool(4, (1, 1, 1)), torch.Generator().manual_seed(0)
    fakes = torch.arange(1.0, 401).view(-1, 1, 1, 1)
    shown = torch.cat([pool.exchange(part, rng) for part in fakes.split(4)]).flatten().tolist()
    assert shown[:4] == [1, 2, 3, 4]  # while there is room each is kept, and shown
    fresh = [now for now, fake in zip(shown[4:], range(5, 401), strict=True) if now == fake]
    assert 160 < len(fresh) < 236  # half of 396, give or take four standard deviations
    assert max(shown.count(number) for number in shown) <= 2  # the first four are seen when they enter as well
    assert sorted({*shown, *pool.images.flatten().tolist()}) == list(range(1, 401))
    untouched = rng.get_state()
    assert torch.equal(Pool(0, (1, 1, 1)).exchange(fakes, rng), fakes)
    assert torch.equal(rng.get_state(), untouched)


def test_samples_are_the_first_pairs_and_what_becomes_of_them():
    trainer = trained(Pix2Pix(**made("pix2pix")), epochs=1)
    x, fake, y = trainer.samples[1].chunk(3)
    assert torch.equal(x, trainer.data.a.pixels) and torch.equal(y, trainer.data.b.pixels)
    assert not torch.equal(fake, trainer.samples[0].chunk(3)[1])
    before = torch.get_rng_state()
    assert torch.equal(trainer._drawn(), trainer.samples[1])  # its dropout is drawn from a seed of its own
    assert torch.equal(torch.get_rng_state(), before)
    six = trained(CycleGAN(**made("cyclegan")), epochs=1)
    _, fake_b, back_a, *_ = (scale(part) for part in six.samples[1].chunk(6))
    assert torch.equal(six.data.a.pixels, six.samples[1][:8]) and torch.equal(six.data.b.pixels, six.samples[1][24:32])
    with eval_mode(six.networks["G_ba"]):
        assert (six.networks["G_ba"](fake_b) - back_a).abs().max() < 0.1  # of pictures rounded to 255 levels


# -------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("pix2pix", UnalignedPairs(pictures(), pictures(seed=2)), "give AlignedPairs"),
        ("pix2pix", pictures(), "give AlignedPairs"),
        ("cyclegan", AlignedPairs(pictures(), pictures(seed=2)), "give UnalignedPairs"),
        ("cyclegan", UnalignedPairs(pictures(), pictures(size=32)), "scale one of them"),
    ],
)
def test_data_of_another_kind_is_refused(name, data, said):
    with pytest.raises(ValueError, match=said):
        Trainer(KINDS[name](**made(name)), data, Config("t", batch_size=2))


@pytest.mark.parametrize(("setting", "value"), [("k", 2), ("fresh_z", False), ("loss", "saturating")])
@pytest.mark.parametrize("name", KINDS)
def test_settings_that_it_has_no_use_for_are_refused(name, setting, value):
    with pytest.raises(ValueError, match=f"{setting} is {value!r}, which {name} has no use for"):
        of(KINDS[name](**made(name)), 1, **{setting: value})


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (lambda: Pix2PixRecipe(l1=-1.0), "l1 is -1.0"),
        (lambda: Pix2PixRecipe(l1=0.0, adversarial=0.0), "nothing would teach G"),
        (lambda: CycleRecipe(pool=-1), "pool is -1"),
        (lambda: CycleRecipe(loss="hinge"), "loss is 'hinge'"),
    ],
)
def test_a_bad_setting_is_named(recipe, said):
    with pytest.raises(ValueError, match=said):
        recipe()
