"""The MNIST classifier, its file and its training; feature statistics, Fréchet distance, class histogram."""

import hashlib
import json
import math
import pickle
import shutil
import struct
import weakref

import numpy as np
import pytest
import torch
from safetensors.torch import save

from gancourse import files
from gancourse.data import Images, mnist, scale
from gancourse.evaluation import (
    EvaluationError,
    MNISTClassifier,
    WeightsError,
    accuracy,
    class_histogram,
    classifier,
    classifier_fid,
    classifier_training,
    feature_statistics,
    frechet_distance,
    load_classifier,
    mnist_classifier,
    train_classifier,
)
from gancourse.models import DCGANGenerator, MLPGenerator, ShapeError

SHIPPED = "gancourse/assets/weights/mnist-classifier.safetensors.xz"


@pytest.fixture(scope="module")
def digits():
    return mnist("test")


@pytest.fixture(scope="module")
def x(digits):
    """300 images as floats (300, 1, 28, 28) in [-1, 1]."""
    return scale(digits.pixels[:300])


# --- the classifier --------------------------------------------------------------------------------------


def test_accuracy_on_the_first_test_images(digits):
    assert accuracy(classifier(), digits.subset(2000)) >= 0.99


@pytest.mark.slow
def test_accuracy_on_all_test_images_is_what_the_card_says(digits, pytestconfig):
    card = json.loads(files.card_of(pytestconfig.rootpath / SHIPPED).read_text())
    found = accuracy(classifier(), digits)
    assert found >= 0.993
    assert found == pytest.approx(card["score"]["test accuracy"], abs=2e-4)  # kernels differ between CPUs


def test_card_tells_how_the_weights_were_made(pytestconfig):
    weights = pytestconfig.rootpath / SHIPPED
    card = json.loads(files.card_of(weights).read_text())
    assert card["bytes"] == len(files.read_unpacked(weights, 1 << 20)) < 2_000_000
    assert card["parameters"] == sum(p.numel() for p in MNISTClassifier().parameters()) < 500_000
    assert card["data"]["mnist-train"] == {"images": 60_000, "sha256": mnist("train").fingerprint}
    assert len(card["commit"]) == 40
    assert "train-classifier" in card["command"] and card["licence"]


def test_features_and_logits(x):
    model = classifier()
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    features = model.features(x)
    assert features.shape == (300, 64) and features.dtype == torch.float32
    assert torch.equal(model.head(features), model(x)) and model(x).shape == (300, 10)
    # Standardised (though over augmented images), and none of them dead.
    assert features.std(0).min() > 0.7 and features.std(0).max() < 1.3


def test_classifier_is_loaded_once_and_always_in_eval_mode():
    classifier().train()
    assert not classifier().training and classifier() is classifier("cpu")


@pytest.mark.parametrize("shape", [(4, 28, 28), (4, 3, 28, 28), (4, 1, 32, 32)])
def test_classifier_names_a_wrong_shape(shape):
    with pytest.raises(ShapeError, match=r"expected MNIST's \(B, 1, 28, 28\)"):
        classifier()(torch.zeros(shape))


# --- its file --------------------------------------------------------------------------------------------


@pytest.fixture
def weights(tmp_path, pytestconfig):
    """A copy of what the shipped file holds, with its card, to be damaged."""
    shipped = pytestconfig.rootpath / SHIPPED
    shutil.copy(files.card_of(shipped), tmp_path)
    copy = tmp_path / "mnist-classifier.safetensors"
    copy.write_bytes(files.read_unpacked(shipped, 1 << 20))
    return copy


def forge(path, raw):
    """Other content, with a card that vouches for it."""
    path.write_bytes(raw)
    path.with_suffix(".json").write_text(json.dumps({"sha256": hashlib.sha256(raw).hexdigest()}))


def test_a_copy_loads(weights, x):
    assert torch.equal(load_classifier(weights)(x), classifier()(x))


@pytest.mark.parametrize("position", [0, 9, 5000, -1])
def test_a_flipped_bit_is_noticed(weights, position):
    raw = bytearray(weights.read_bytes())
    raw[position] ^= 1
    weights.write_bytes(raw)
    with pytest.raises(WeightsError, match="is damaged: its SHA-256"):
        load_classifier(weights)


def test_truncated_or_missing_files_are_named(weights):
    raw = weights.read_bytes()
    weights.write_bytes(raw[:-100])
    with pytest.raises(WeightsError, match="is damaged"):
        load_classifier(weights)
    weights.unlink()
    with pytest.raises(WeightsError, match=r"mnist-classifier.safetensors cannot be read .* train-classifier"):
        load_classifier(weights)
    weights.write_bytes(raw)
    weights.with_suffix(".json").unlink()
    with pytest.raises(WeightsError, match=r"mnist-classifier.json cannot be read"):
        load_classifier(weights)


@pytest.mark.parametrize("card", ["", "{", "[]", "{}", "null", '"sha256"', "[" * 100_000])
def test_a_card_that_is_none(weights, card):
    weights.with_suffix(".json").write_text(card)
    with pytest.raises(WeightsError, match="is no card"):
        load_classifier(weights)


class Trap:
    def __reduce__(self):
        return exec, ("raise SystemExit('unpickled')",)


def test_foreign_content_is_refused_and_never_unpickled(weights):
    good = {k: v.clone() for k, v in MNISTClassifier().state_dict().items()}
    wrong_shape = {**good, "head.bias": torch.zeros(11)}
    for raw in (
        b"",
        pickle.dumps(Trap()),
        struct.pack("<Q", 1 << 60) + b"{}",  # a header that claims an exabyte
        struct.pack("<Q", 2) + b"[]",
        save(good),
        save(good, {"format": "something else"}),
        save(wrong_shape, {"format": mnist_classifier.FORMAT}),
        save({"a": torch.zeros(1)}, {"format": mnist_classifier.FORMAT}),
    ):
        forge(weights, raw)
        with pytest.raises(WeightsError, match="holds no weights of the course's classifier"):
            load_classifier(weights)


# --- its training ----------------------------------------------------------------------------------------


def test_training_is_reproducible_and_writes_what_loads(tmp_path, capsys):
    train, test = mnist("train").subset(250), mnist("test").subset(100)
    state = torch.get_rng_state()
    paths = [tmp_path / f"{i}" / name for i, name in enumerate(("c.safetensors", "c.safetensors.xz", "c.safetensors"))]
    scores = [train_classifier(p, seed, 1, train, test) for p, seed in zip(paths, (0, 0, 1), strict=True)]
    assert torch.equal(state, torch.get_rng_state())  # the caller's random numbers are untouched
    first, again, other = (files.read_unpacked(p, 1 << 20) for p in paths)
    assert again != paths[1].read_bytes()  # packed
    assert first == again != other
    assert accuracy(load_classifier(paths[1]), test) == accuracy(load_classifier(paths[0]), test) == scores[0]
    card = json.loads(paths[0].with_suffix(".json").read_text())
    assert card["score"]["test accuracy"] == scores[0]
    assert card["command"].endswith("train-classifier --out c.safetensors --seed 0 --epochs 1")
    assert "epoch 1/1: loss" in capsys.readouterr().out


def test_training_refuses(tmp_path):
    images = mnist("train").subset(10)
    with pytest.raises(EvaluationError, match="labels"):
        train_classifier(tmp_path / "c.safetensors", train=Images(images.pixels), test=images)
    with pytest.raises(EvaluationError, match="epochs is 0"):
        train_classifier(tmp_path / "c.safetensors", epochs=0, train=images, test=images)
    with pytest.raises(EvaluationError, match=r"out is .*c.pt"):
        train_classifier(tmp_path / "c.pt", train=images, test=images)


def test_augmentation_keeps_range_and_background(x):
    y = classifier_training._augment(x, torch.Generator().manual_seed(0))
    assert y.shape == x.shape and y.min() == -1 and y.max() <= 1
    assert not torch.equal(x, y) and (y[:, :, 0] == -1).float().mean() > 0.95


# --- feature statistics ----------------------------------------------------------------------------------


def pixels8(x):
    return x.flatten(1)[:, 400:408]


@pytest.mark.parametrize("batch_size", [1, 7, 300, 1000])
def test_streamed_statistics_are_the_two_pass_ones(x, batch_size):
    def far(x):  # a mean 10^6 standard deviations away, where E[ff'] - mm' has no predicted left
        return pixels8(x).double() + 1e6

    mean, cov = feature_statistics(x, far, batch_size)
    f = far(x).numpy()
    np.testing.assert_allclose(mean, f.mean(0), rtol=1e-14)
    np.testing.assert_allclose(cov, np.cov(f.T), atol=1e-9)
    assert mean.dtype == cov.dtype == torch.float64


def test_digits_tensors_and_batches_give_the_same(x, digits):
    model = classifier()
    expected = feature_statistics(x, model.features, 100)
    for images in (digits.subset(300), iter(x.split(100)), list(x.split(100))):
        for a, b in zip(feature_statistics(images, model.features, 100), expected, strict=True):
            assert torch.equal(a, b)


def test_memory_is_constant(x):
    alive = []

    def stream():
        for _ in range(20):
            batch = x[:50].clone()
            alive.append(weakref.ref(batch))
            yield batch
            del batch
            assert sum(ref() is not None for ref in alive) <= 2

    feature_statistics(stream(), pixels8)
    assert len(alive) == 20


def test_too_few_images(x):
    with pytest.raises(EvaluationError, match=r"100 images are too few .* 64 features: it needs at least 256"):
        classifier_fid(x, n=100)
    with pytest.warns(UserWarning, match="too few"):
        assert classifier_fid(x, n=100, allow_few=True) > 0
    with pytest.raises(EvaluationError, match="1 images are too few"):
        classifier_fid(x[:1], allow_few=True)
    with pytest.raises(EvaluationError, match="0 images"):
        feature_statistics(iter([]), pixels8, allow_few=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: (x + 1) / 2, r"all values lie in \[0, 1\], expected \[-1, 1\]"),
        (lambda x: x * 255, r"values lie in \[-255, 255\], expected"),
        (lambda x: x * math.nan, r"\[nan, nan\]"),
        (lambda x: x.byte(), "images are torch.uint8, expected floats"),
        (lambda x: x[:, 0], r"shape \(300, 28, 28\), expected \(N, C, H, W\)"),
        (lambda x: x[0, 0, 0, 0], r"shape \(\), expected"),
    ],
)
def test_wrong_range_type_and_shape_are_named(x, change, message):
    with pytest.raises(EvaluationError, match=message):
        classifier_fid(change(x))
    with pytest.raises(EvaluationError, match=message):
        class_histogram(change(x))


def test_an_extractor_of_the_wrong_shape(x):
    with pytest.raises(EvaluationError, match=r"extractor gave shape \(300, 1, 28, 28\)"):
        feature_statistics(x, lambda x: x)


# --- the Fréchet distance --------------------------------------------------------------------------------


def gaussian(size, seed, rank=None):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(size, rank or size))
    return torch.from_numpy(rng.normal(size=size)), torch.from_numpy(a @ a.T / size)


def test_frechet_closed_forms():
    eye = torch.eye(3, dtype=torch.float64)
    zero, one = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    assert frechet_distance(zero, eye, one, eye) == pytest.approx(3)
    assert frechet_distance(zero, 4 * eye, zero, 9 * eye) == pytest.approx(3)  # 3 (3 - 2)^2
    a, b = torch.tensor([1.0, 4.0, 0.0]).double(), torch.tensor([9.0, 1.0, 4.0]).double()
    turn = torch.linalg.qr(torch.from_numpy(np.random.default_rng(0).normal(size=(3, 3))))[0]
    found = frechet_distance(zero, turn @ a.diag() @ turn.T, one, turn @ b.diag() @ turn.T)
    assert found == pytest.approx(3 + (a.sqrt() - b.sqrt()).square().sum().item())


@pytest.mark.parametrize("size", [2, 64])
def test_frechet_against_scipy(size):
    from scipy.linalg import sqrtm

    (m1, s1), (m2, s2) = gaussian(size, 1), gaussian(size, 2)
    root = np.real(sqrtm(s1.numpy() @ s2.numpy()))  # of the product itself: another formula than ours
    expected = float(((m1 - m2) ** 2).sum()) + np.trace(s1.numpy() + s2.numpy() - 2 * root)
    assert frechet_distance(m1, s1, m2, s2) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(m2, s2, m1, s1) == pytest.approx(expected, rel=1e-8)


def test_frechet_is_zero_for_equal_gaussians_singular_ones_too():
    for rank in (64, 10):
        m, s = gaussian(64, 3, rank)
        assert 0 <= frechet_distance(m, s, m, s) < 1e-6


def test_frechet_of_samples_approaches_the_closed_form():
    rng = torch.Generator().manual_seed(0)
    images = torch.randn(20_000, 1, 2, 2, generator=rng).mul_(0.1).clamp_(-1, 1)
    other = torch.randn(20_000, 1, 2, 2, generator=rng).mul_(0.2).add_(0.05).clamp_(-1, 1)
    first, second = (feature_statistics(i, lambda x: 10 * x.flatten(1)) for i in (images, other))
    assert frechet_distance(*first, *second) == pytest.approx(4 * (0.5**2 + 1), rel=0.03)


def test_frechet_refuses():
    m, s = gaussian(4, 0)
    with pytest.raises(EvaluationError, match=r"shapes .*\(5,\)"):
        frechet_distance(m, s, torch.zeros(5), torch.eye(5))
    with pytest.raises(EvaluationError, match="not finite"):
        frechet_distance(m, s * math.nan, m, s)


# --- scores ----------------------------------------------------------------------------------------------


def test_real_images_score_far_better_than_an_untrained_generator():
    real = classifier_fid(mnist("train"), n=1000)
    torch.manual_seed(0)
    assert 0 < real < 1 < 10 * real < classifier_fid(MLPGenerator(), n=500)


@pytest.mark.slow
def test_the_floor_and_its_bias():
    """10,000 training images against the 10,000 test images; fewer images give a larger distance."""
    floor = classifier_fid(mnist("train"), n=10_000)
    print(f"floor {floor:.4f}")
    assert 0 < floor < classifier_fid(mnist("train"), n=1000) / 2


def test_a_score_changes_nothing_but_depends_on_its_seed():
    torch.manual_seed(0)
    G = DCGANGenerator()
    G.train()
    G.net[1].eval()
    before = {k: v.clone() for k, v in G.state_dict().items()}
    state = torch.get_rng_state()
    first = classifier_fid(G, n=256)
    assert first == classifier_fid(G, n=256) != classifier_fid(G, n=256, seed=1)
    assert torch.equal(state, torch.get_rng_state())
    assert G.training and G.net[2].training and not G.net[1].training
    assert all(torch.equal(v, before[k]) for k, v in G.state_dict().items())
    with pytest.raises(EvaluationError):
        classifier_fid(G, n=10)
    assert G.training and not G.net[1].training  # after an error too


def test_n_is_checked(x):
    for n in (0, 301):
        with pytest.raises(EvaluationError, match=f"n is {n}, but there are 300 images"):
            classifier_fid(x, n=n)
    with pytest.raises(EvaluationError, match="n is 0"):
        classifier_fid(MLPGenerator(), n=0)


def test_class_histogram(x, digits):
    counts, kl = class_histogram(digits, n=1000)
    share = np.bincount(digits.sample(1000).labels, minlength=10) / 1000
    assert counts.sum() == 1000 and np.abs(counts.numpy() / 1000 - share).max() < 0.01
    assert kl == pytest.approx(float((share * np.log(10 * share)).sum()), abs=5e-3)
    assert class_histogram(x[:1].repeat(20, 1, 1, 1)).kl == pytest.approx(math.log(10))
    predicted = classifier()(x).argmax(1)
    one_of_each = torch.stack([x[predicted == d][0] for d in range(10)])
    counts, kl = class_histogram(one_of_each)
    assert counts.tolist() == [1] * 10 and kl == pytest.approx(0, abs=1e-12)
    assert class_histogram(MLPGenerator(), n=30).counts.sum() == 30
    with pytest.raises(EvaluationError, match="no images"):
        class_histogram(x[:0])
