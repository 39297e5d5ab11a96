"""The fast path computes what the plain one does, is taken where it should be, and can be switched off."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gancourse import models
from gancourse.data import mnist
from gancourse.models import fast
from gancourse.models.catalogue import options_of
from gancourse.models.fast import Network, plan, prefers_bfloat16
from gancourse.training import Minimax, Trainer
from gancourse.training.trainer import Config

CPU = torch.device("cpu")


def pair(name: str) -> tuple[models.Generator, models.Discriminator]:
    torch.manual_seed(0)
    return models.networks(name, **({} if not options_of(name) else {"width": 4}))


@pytest.mark.parametrize("name", ["mlp", "dcgan", "residual", "dcgan128"])
def test_images_logits_and_gradients_are_those_of_the_plain_network(name):
    G, D = pair(name)
    z = torch.randn(6, 100)
    found = []
    for g, d in ((G, D), tuple(plan("float32", True, CPU, G, D).prepare(n) for n in (G, D))):
        G.zero_grad()
        D.zero_grad()
        x = g(z)
        logits = d(x)
        logits.square().sum().backward()
        gradients = [p.grad.clone() for p in [*G.parameters(), *D.parameters()] if p.grad is not None]
        found.append([x, logits, *gradients])
    for plain, quick in zip(*found, strict=True):
        assert quick.shape == plain.shape
        torch.testing.assert_close(quick, plain, rtol=1e-3, atol=1e-5 * max(1.0, plain.abs().max().item()))


def test_the_layers_that_have_a_faster_way_take_it(monkeypatch):
    """ConvT of one pixel, ConvT to one channel, Conv from one channel, Flatten + Linear: none runs as printed."""
    G, D = pair("dcgan")
    quick = [plan("float32", True, CPU, G, D).prepare(n) for n in (G, D)]
    for layer in (G.net[0], G.net[6], D.net[0], D.net[6]):
        monkeypatch.setattr(layer, "forward", lambda x: pytest.fail("the general kernel was used"))
    quick[1](quick[0](torch.randn(2, 100)))
    kept = [G.net[3], D.net[2]]  # the wide ones are worth a convolution kernel
    calls = []
    for layer in kept:
        layer.register_forward_hook(lambda *_: calls.append(1))
    quick[1](quick[0](torch.randn(2, 100)))
    assert len(calls) == 2


@pytest.mark.parametrize("output_padding", [0, 1])
def test_a_thin_transposed_convolution_keeps_its_output_padding(output_padding):
    layer = nn.ConvTranspose2d(8, 1, 3, stride=2, padding=1, output_padding=output_padding, bias=False)
    x = torch.randn(2, 8, 7, 7)
    torch.testing.assert_close(fast._thin_transposed(x, layer), layer(x), rtol=1e-4, atol=1e-5)


def test_a_trainer_takes_the_fast_path_unless_told_not_to():
    images = mnist("train").subset(64)
    for asked in (True, False):
        trainer = Trainer(Minimax(*pair("dcgan")), images, Config(epochs=1, batch_size=32, fast=asked), device="cpu")
        assert isinstance(trainer.algorithm.views["G"], Network) is asked
        assert trainer.setting.plan.fast is asked and trainer.setting.plan.fused is asked
        assert trainer.setting.plan.precision == ("bfloat16" if asked and prefers_bfloat16(CPU) else "float32")
        trainer.fit(progress=False)
        assert all(
            p.dtype == torch.float32 for p in trainer.networks["G"].parameters()
        )  # bfloat16 is for products alone


def test_networks_of_your_own_take_the_plain_way():
    class Mine(nn.Module):
        pass

    assert not plan("auto", True, CPU, Mine(), Mine()).fast
    assert plan("auto", True, CPU, *pair("mlp")).fast


def test_apple_and_others_take_the_plain_way_in_float32():
    mps = torch.device("mps")
    found = plan("auto", True, mps, *pair("mlp"))
    assert (found.precision, found.fast, found.fused) == ("float32", False, False)
    with pytest.raises(ValueError, match=r"bfloat16.*mps does not train in"):
        plan("bfloat16", True, mps)


@pytest.mark.parametrize(
    ("maker", "amx", "allowed"),
    [
        ("GenuineIntel", True, {"ALL", "AVX512_CORE_AMX"}),
        ("GenuineIntel", False, set()),  # its AVX-512 multiplies bfloat16 at half the speed of float32
        ("AuthenticAMD", False, {"ALL", "AVX512_CORE_BF16", "AVX512_CORE_AMX"}),
    ],
)
def test_bfloat16_is_taken_where_it_is_quicker_and_allowed(monkeypatch, maker, amx, allowed):
    monkeypatch.setattr(fast.torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(fast.torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(fast, "_of_intel", lambda: maker == "GenuineIntel")
    for limit in ("ALL", "AVX512_CORE_AMX", "AVX512_CORE_BF16", "AVX512_CORE", "AVX2"):
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
        assert prefers_bfloat16(CPU) is (limit in allowed), limit


@pytest.mark.parametrize("maker", ["GenuineIntel", "AuthenticAMD"])
@pytest.mark.parametrize("linux", [True, False])
def test_the_maker_of_the_processor_is_found(monkeypatch, tmp_path, maker, linux):
    told = tmp_path / "cpuinfo"
    if linux:
        told.write_text(f"processor\t: 0\nvendor_id\t: {maker}\n", encoding="utf-8")
    monkeypatch.setattr(fast, "Path", lambda _: told)
    monkeypatch.setattr(fast.platform, "processor", lambda: f"x86 Family 6, {maker}")
    assert fast._of_intel() is (maker == "GenuineIntel")


def test_a_step_of_the_optimiser_is_seen_within_the_same_autocast():
    """With k > 1, D takes several steps in one context; each must see the weights that the last one left."""
    config = Config(model="mlp", k=2, precision="bfloat16", lr=0.1)
    trainer = Trainer(Minimax(*pair("mlp")), mnist("train").subset(256), config, device="cpu")
    x = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with trainer.setting.plan.autocast():
        before = trainer.networks["D"](x)
        before.float().sum().backward()
        trainer.algorithm.optimisers["opt_d"].step()
        inside = trainer.networks["D"](x)
    with trainer.setting.plan.autocast():
        afresh = trainer.networks["D"](x)
    assert torch.equal(inside, afresh) and not torch.equal(inside, before)
