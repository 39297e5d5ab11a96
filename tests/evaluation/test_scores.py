"""KID, precision and recall, density and coverage, memorisation, path length, summaries; against known answers."""

import math
import subprocess
import sys
import weakref

import pytest
import torch
from torch import nn

from gancourse import evaluation
from gancourse.data import mnist, scale
from gancourse.evaluation import (
    EvaluationError,
    Extractor,
    density_coverage,
    evaluate,
    frechet_distance,
    kernel_distance,
    memorisation,
    nearest_neighbours,
    path_length,
    precision_recall,
    random_features,
    summarise,
    summary,
    summary_of,
)
from gancourse.evaluation.neighbours import manifold_scores
from gancourse.evaluation.path_length import _slerp
from gancourse.models import MLPGenerator


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def real():
    """Summary of MNIST's first 2,000 test images under the classifier."""
    return summarise(mnist("test"), evaluation.classifier_features(), 2000)


def gaussian(n, size, rng, mean=0.0):
    return torch.randn(n, size, generator=rng) + mean


def pixel_extractor(size, classes=0):
    """Pixels as features; the first few as logits."""

    def both(x):
        f = 10 * x.flatten(1)
        return f, f[:, :classes] if classes else None

    return Extractor("pixels", size, both, "key", torch.device("cpu"))


def normals(n, shape, rng, spread=0.1, shift=0.0):
    """Images whose pixels times 10 are normal: FID in closed form."""
    return (torch.randn(n, *shape, generator=rng) * spread + shift).clamp(-1, 1)


# --- against closed forms and torchmetrics ---------------------------------------------------------------


def test_fid_of_known_gaussians(rng):
    a = summarise(normals(20_000, (1, 2, 2), rng), pixel_extractor(4))
    b = summarise(normals(20_000, (1, 2, 2), rng, 0.2, 0.05), pixel_extractor(4))
    expected = 4 * (0.5**2 + (2 - 1) ** 2)
    assert frechet_distance(a.mean, a.cov, b.mean, b.cov) == pytest.approx(expected, rel=0.03)


def test_closed_form_in_float64(rng):
    """Covariances that commute: the distance is that of their spectra."""
    turn = torch.linalg.qr(torch.randn(16, 16, generator=rng, dtype=torch.float64))[0]
    a, b = torch.rand(2, 16, generator=rng, dtype=torch.float64)
    shift = torch.rand(16, generator=rng, dtype=torch.float64)
    found = frechet_distance(torch.zeros(16), turn @ a.diag() @ turn.T, shift, turn @ b.diag() @ turn.T)
    assert found == pytest.approx((shift.square().sum() + (a.sqrt() - b.sqrt()).square().sum()).item(), rel=1e-9)


class Looking(nn.Module):
    """A feature module as torchmetrics wants it."""

    num_features = 64

    def __init__(self, part):
        super().__init__()
        self.part = part

    def forward(self, x):
        return self.part(x)


@pytest.fixture(scope="module")
def both_sets():
    first, second = scale(mnist("test").pixels[:600]), scale(mnist("train").pixels[:600]) * 0.8
    look = evaluation.classifier_features()
    return first, second, summarise(first, look), summarise(second, look)


def test_fid_agrees_with_torchmetrics(both_sets):
    fid = pytest.importorskip("torchmetrics.image.fid")
    first, second, a, b = both_sets
    theirs = fid.FrechetInceptionDistance(Looking(evaluation.classifier().features), input_img_size=(1, 28, 28))
    theirs.set_dtype(torch.float64)
    for x, is_real in ((first, True), (second, False)):
        theirs.update(x, real=is_real)
    assert evaluate(b, a).fid == pytest.approx(theirs.compute().item(), rel=1e-3)


def test_kid_agrees_with_torchmetrics(both_sets):
    kid = pytest.importorskip("torchmetrics.image.kid")
    first, second, a, b = both_sets
    theirs = kid.KernelInceptionDistance(Looking(evaluation.classifier().features), subsets=1, subset_size=600)
    theirs.update(first, real=True)
    theirs.update(second, real=False)
    from gancourse.evaluation.kernel import _estimate

    whole = _estimate(a.features.double(), b.features.double()).item()
    assert whole == pytest.approx(theirs.compute()[0].item(), rel=1e-3)
    ours = kernel_distance(a.features, b.features)
    assert abs(ours.value - whole) < 4 * ours.error


def test_inception_score_agrees_with_torchmetrics(both_sets):
    inception = pytest.importorskip("torchmetrics.image.inception")
    first, _, a, _ = both_sets
    theirs = inception.InceptionScore(Looking(evaluation.classifier()), splits=1)
    theirs.update(first)
    assert a.inception_score == pytest.approx(theirs.compute()[0].item(), rel=1e-3)
    assert 9 < a.inception_score < 10


# --- KID -------------------------------------------------------------------------------------------------


def test_kid_is_unbiased_on_halves_of_real_data(real):
    values = []
    for seed in range(6):
        half = real.features[torch.randperm(2000, generator=torch.Generator().manual_seed(seed))]
        values.append(kernel_distance(half[:1000], half[1000:], seed))
    value, error = values[0]
    assert abs(value) < 3 * error
    mean = sum(v.value for v in values) / 6
    assert abs(mean) < 3 * max(v.error for v in values) / 6**0.5
    assert min(v.value for v in values) < 0  # an estimate that is right on average is negative now and then


def test_kid_sees_a_difference_and_its_error_shrinks(rng):
    a = gaussian(4000, 8, rng)
    small = kernel_distance(a[:400], gaussian(400, 8, rng, 0.5))
    large = kernel_distance(a, gaussian(4000, 8, rng, 0.5))
    assert small.value > 3 * small.error and large.error < small.error / 1.5
    assert abs(small.value - large.value) < 4 * small.error


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (torch.zeros(20, 2), torch.zeros(20, 3), r"shapes \[\(20, 2\), \(20, 3\)\]"),
        (torch.zeros(19, 2), torch.zeros(20, 2), "19 and 20 images; at least 20"),
        (torch.zeros(20, 2), torch.full((20, 2), math.nan), "not finite"),
    ],
)
def test_features_are_checked(a, b, message):
    with pytest.raises(EvaluationError, match=message):
        kernel_distance(a, b)


# --- neighbours ------------------------------------------------------------------------------------------


def line(*points):
    return torch.tensor(points, dtype=torch.float32)[:, None]


def test_precision_and_recall_of_constructed_sets():
    real = torch.cat([line(0, 1, 2, 3), line(100, 101, 102, 103)])
    assert precision_recall(real, real, k=1) == (1, 1)
    one_mode = line(0.1, 1.1, 2.1, 3.1)  # all of it real, half of the real covered
    assert precision_recall(real, one_mode, k=1) == (1, 0.5)
    half_outside = torch.cat([line(0.1, 1.1, 2.1, 3.1), line(50, 50.1, 50.2, 50.3)])
    assert precision_recall(real, half_outside, k=1) == (0.5, 0.5)
    assert precision_recall(real, line(50, 50.1, 50.2), k=1) == (0, 0)


def test_density_and_coverage_of_constructed_sets():
    real = line(0, 1, 2, 3, 1000)  # an outlier, whose ball of radius 997 holds nearly everything
    far = line(500, 510, 520, 530)
    assert precision_recall(real, far, k=1).precision == 1
    assert density_coverage(real, far, k=1) == (1, 0.2)  # by that one ball alone
    assert density_coverage(real[:4], far, k=1) == (0, 0)
    assert density_coverage(real[:4], line(1.0, 1.0), k=1) == (3, 0.75)


def test_equal_distributions_score_near_one(rng):
    a, b = gaussian(1500, 4, rng), gaussian(1500, 4, rng)
    (precision, recall), (density, coverage) = manifold_scores(a, b)
    assert precision == pytest.approx(recall, abs=0.05) and precision > 0.9
    assert density == pytest.approx(1, abs=0.08)
    assert coverage == pytest.approx(1 - 0.5**5, abs=0.03)  # Naeem et al., section 3: 1 - 2^-k for equal numbers


def test_nearest_neighbours_in_blocks(rng):
    a, b = gaussian(1200, 3, rng), gaussian(700, 3, rng)
    distance, index = nearest_neighbours(a, b)
    d = (a[:, None].double() - b.double()).norm(dim=2)
    assert torch.equal(index, d.argmin(1)) and torch.allclose(distance, d.min(1).values, atol=1e-7)
    assert nearest_neighbours(b, b)[0].max() < 1e-6


def test_memorisation(rng):
    train, unseen = gaussian(2000, 16, rng), gaussian(500, 16, rng)
    fresh, copied = gaussian(500, 16, rng), train[:500] + 0.01 * gaussian(500, 16, rng)
    honest, thief = memorisation(train, unseen, fresh), memorisation(train, unseen, copied)
    assert abs(honest.z) < 3 and honest.share < 0.04
    assert thief.z < -20 and thief.share == 1
    assert torch.equal(thief.nearest, torch.arange(500))
    assert memorisation(train, unseen, 2 * fresh).z > 3  # too far away is no copy


def test_mann_whitney_against_scipy(rng):
    from scipy.stats import mannwhitneyu

    a, b = torch.rand(40, generator=rng).round(decimals=1), torch.rand(30, generator=rng)
    from gancourse.evaluation.neighbours import _mann_whitney

    u = mannwhitneyu(a.numpy(), b.numpy()).statistic
    assert _mann_whitney(a, b) == pytest.approx((u - 600) / (40 * 30 * 71 / 12) ** 0.5)


# --- path length -----------------------------------------------------------------------------------------


class Linear(nn.Module):
    """z (B, 2) -> images (B, 1, 1, 2): z times a half."""

    z_size, image_shape = 2, (1, 1, 2)

    def forward(self, z):
        return (z / 2)[:, None, None]


def test_path_length_of_a_linear_generator():
    """|d slerp / dt|^2 = (angle x length)^2 + (change of length)^2 in the plane, over 4 for the half, times 100."""
    found = path_length(Linear(), pixel_extractor(2), n=300, seed=3)
    rng = torch.Generator().manual_seed(3)
    a, b = torch.randn(2, 300, 2, generator=rng).double()
    t = torch.rand(300, generator=rng).double()
    angle = torch.nn.functional.cosine_similarity(a, b).acos()
    length = (1 - t) * a.norm(dim=1) + t * b.norm(dim=1)
    speed = 25 * ((angle * length) ** 2 + (b.norm(dim=1) - a.norm(dim=1)) ** 2)
    kept = speed.sort().values[3:-3]
    assert found.value == pytest.approx(kept.mean().item(), rel=1e-3)
    assert found.error == pytest.approx((kept.std() / len(kept) ** 0.5).item(), rel=1e-3)


def test_path_length_agrees_with_small_steps_and_leaves_no_trace(recwarn):
    torch.manual_seed(0)
    G = MLPGenerator().train()
    found = path_length(G, n=60, seed=1)
    assert G.training and not [w for w in recwarn if issubclass(w.category, FutureWarning)]
    rng = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, 60, 100, generator=rng)
    t, step = torch.rand(60, generator=rng), 1e-2
    look = evaluation.classifier_features()
    with torch.no_grad():
        moved = (look(G(_slerp(a, b, t + step))) - look(G(_slerp(a, b, t)))) / step
    assert found.value == pytest.approx(moved.double().square().sum(1).mean().item(), rel=0.05)


def test_path_length_refuses():
    with pytest.raises(EvaluationError, match="n is 1"):
        path_length(Linear(), pixel_extractor(2), n=1)


def test_slerp_meets_its_ends_and_stays_on_the_sphere(rng):
    a, b = (torch.nn.functional.normalize(gaussian(9, 5, rng)) for _ in range(2))
    assert torch.allclose(_slerp(a, b, torch.zeros(9)), a, atol=1e-6)
    assert torch.allclose(_slerp(a, b, torch.ones(9)), b, atol=1e-6)
    assert torch.allclose(_slerp(a, b, torch.rand(9, generator=rng)).norm(dim=1), torch.ones(9), atol=1e-6)


# --- summaries -------------------------------------------------------------------------------------------


def test_inception_score_and_kl_of_constructed_sets():
    x = torch.full((40, 1, 1, 4), -1.0)
    x[torch.arange(40), 0, 0, torch.arange(40) % 4] = 1.0
    spread = summarise(x, pixel_extractor(4, classes=4))
    assert spread.inception_score == pytest.approx(4, rel=1e-6) and spread.kl == pytest.approx(0, abs=1e-9)
    one = summarise(x[:1].expand(40, -1, -1, -1), pixel_extractor(4, classes=4))
    assert one.inception_score == pytest.approx(1) and one.kl == pytest.approx(math.log(4))
    assert math.isnan(summarise(x, pixel_extractor(4)).kl)


def test_a_summary_keeps_only_so_many_features(monkeypatch, rng):
    monkeypatch.setattr(summary, "KEEP", 50)
    x = normals(120, (1, 2, 2), rng)
    found = summarise(x, pixel_extractor(4))
    assert found.n == 120 and found.features.shape == (50, 4)
    assert torch.allclose(found.mean, (10 * x).flatten(1).double().mean(0), atol=1e-6)


def test_a_generator_of_large_images_is_streamed():
    """Nothing of an image outlives its batch, and no batch is larger than some millions of numbers."""
    alive, sizes = [], []

    class Large(nn.Module):
        z_size, image_shape = 3, (3, 128, 128)

        def forward(self, z):
            x = z.tanh()[:, :, None, None].expand(-1, -1, 128, 128)
            alive.append(weakref.ref(x))
            sizes.append(len(x))
            assert sum(ref() is not None for ref in alive) <= 3
            return x

    mean_colour = Extractor("colour", 3, lambda x: (x.mean((2, 3)), None), "key", torch.device("cpu"))
    found = summarise(Large(), mean_colour, n=1100)
    assert found.n == 1100 == sum(sizes) and max(sizes) <= 85


STREAM = """
import resource, torch
from torch import nn
from gancourse import evaluation

class Flat(nn.Module):
    z_size, image_shape = 3, (3, 128, 128)
    def forward(self, z):
        return z.tanh()[:, :, None, None].expand(-1, -1, 128, 128).contiguous()

look = evaluation.Extractor("colour", 3, lambda x: (x.mean((2, 3)), None), "key", torch.device("cpu"))
peak = []
for n in (1_000, 50_000):
    assert evaluation.summarise(Flat(), look, n).n == n
    peak.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(f"{peak[1] - peak[0]:.0f}")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux only")
def test_fifty_thousand_images_of_128_pixels_take_no_more_memory_than_a_thousand():
    """As floats they would take 9,830 MB."""
    done = subprocess.run([sys.executable, "-c", STREAM], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 100, f"{done.stdout.strip()} MB more"


def test_the_real_set_is_cached(tmp_path, monkeypatch):
    digits, look = mnist("test"), evaluation.classifier_features()
    images = digits.subset(300)
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path))
    first = summary_of(images, look)
    (file,) = tmp_path.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(summary, "summarise", None)  # from here on only the file can answer
        again = summary_of(images, look)
        mean, _ = evaluation.cached_statistics(images, evaluation.classifier())
        assert torch.equal(mean, first.mean)
    for name in ("mean", "cov", "features", "share", "counts"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert (first.n, first.certainty) == (again.n, again.certainty)
    raw = bytearray(file.read_bytes())
    raw[200] ^= 1
    file.write_bytes(raw)  # damaged: computed again
    assert torch.equal(summary_of(images, look).mean, first.mean)
    summary_of(digits.subset(301), look)
    torch.manual_seed(0)
    other = evaluation.MNISTClassifier().eval().requires_grad_(False)
    summary_of(images, evaluation.classifier_features(model=other))
    assert len(list(tmp_path.iterdir())) == 3  # other images, other weights: other files


def test_a_progress_bar_only_when_asked(capsys, rng):
    x = normals(20, (1, 2, 2), rng)
    summarise(x, pixel_extractor(4))
    assert capsys.readouterr().err == ""
    summarise(x, pixel_extractor(4), progress=True)
    assert "pixels" in capsys.readouterr().err


# --- all at once -----------------------------------------------------------------------------------------


def test_evaluate_a_generator(real):
    torch.manual_seed(0)
    bad = evaluate(MLPGenerator(), real, n=300)
    good = evaluate(mnist("train"), real, n=300)
    assert (bad.n, good.n) == (300, 300)
    assert good.fid < bad.fid / 10 and good.kid < bad.kid
    assert good.precision > 0.7 and good.recall > 0.7 and good.coverage > 0.7 > bad.coverage
    assert good.inception_score > 9 > bad.inception_score and good.kl < bad.kl


def test_evaluate_says_what_is_wrong(real):
    with pytest.raises(EvaluationError, match=r"100 images are too few .* at least 256"):
        evaluate(mnist("train"), real, n=100)
    with pytest.warns(UserWarning, match="too few"):
        evaluate(mnist("train"), real, n=100, allow_few=True)
    with pytest.raises(EvaluationError, match=r"lie in \[0, 1\], expected \[-1, 1\]"):
        evaluate((scale(mnist("train").pixels[:300]) + 1) / 2, real)
    with pytest.raises(EvaluationError, match=r"features of shape \(300, 784\), expected \(300, 3\)"):
        evaluate(mnist("train"), real, pixel_extractor(3), n=300)


# --- other extractors ------------------------------------------------------------------------------------


def test_random_features_are_fixed_and_see_texture(rng):
    look, again, other = random_features(), random_features(), random_features(seed=1)
    x = torch.rand(4, 3, 64, 64, generator=rng) * 2 - 1
    assert look(x).shape == (4, 64) and torch.equal(look(x), again(x)) and not torch.equal(look(x), other(x))
    assert look.key == again.key != other.key
    assert random_features(channels=1)(x[:, :1]).shape == (4, 64)
    first, second, blurred = (torch.rand(256, 3, 32, 32, generator=rng) * 2 - 1 for _ in range(3))
    blurred = torch.nn.functional.avg_pool2d(blurred, 3, 1, 1)
    real = summarise(first, look)
    assert 10 * evaluate(second, real, look).fid < evaluate(blurred, real, look).fid


class StandIn(nn.Module):
    """In Inception's place: uint8 (B, 3, H, W) -> (B, 2048, 1, 1) and (B, 1008)."""

    def forward(self, x):
        assert x.dtype == torch.uint8 and x.shape[1] == 3
        f = nn.functional.interpolate(x.float(), (32, 32)).mean(1).flatten(1)
        f = torch.cat([f, f.flip(1)], 1) / 255
        return f[:, :, None, None], f[:, :1008]


def test_inception_through_a_stand_in():
    look = evaluation.inception_features(network=StandIn())
    grey, colour = -torch.ones(5, 1, 28, 28), -torch.ones(5, 3, 128, 128)
    assert look(grey).shape == look(colour).shape == (5, 2048) and torch.equal(look(grey), look(colour))
    with pytest.raises(EvaluationError, match="it needs at least 8,192"):
        summarise(grey, look)
    with pytest.raises(EvaluationError, match="rounds images"):
        path_length(MLPGenerator(), look, n=2)
    with pytest.warns(UserWarning, match="too few"):
        seen = summarise(mnist("test"), look, n=20, allow_few=True)
    assert seen.features.shape == (20, 2048) and seen.inception_score > 1


def test_inceptions_weights_are_downloaded_once_and_checked(tmp_path):
    from hashlib import sha256

    from gancourse.evaluation.inception import SHA256, URL, inception_weights

    source, kept = tmp_path / "there.pth", tmp_path / "cache"
    source.write_bytes(b"weights")
    address, right = source.as_uri(), sha256(b"weights").hexdigest()
    with pytest.raises(evaluation.WeightsError, match=f"expected {'0' * 64}; it was not kept"):
        inception_weights(address, "0" * 64, kept)
    assert not kept.exists()
    assert inception_weights(address, right, kept) == b"weights"
    source.unlink()  # from here on only the cache can answer
    assert inception_weights(address, right, kept) == b"weights"
    (file,) = kept.iterdir()
    file.write_bytes(b"weightx")  # damaged: asked for again, and there is nothing there
    with pytest.raises(evaluation.WeightsError, match=r"could not be downloaded .* classifier_features"):
        inception_weights(address, right, kept)
    assert SHA256[:8] in URL  # their file is named after its hash


def test_inception_is_built_from_the_weights_and_nothing_foreign_is_unpickled(monkeypatch):
    """Up to the download: the extra's network is made from a file of tensors that we wrote ourselves."""
    inceptionv3 = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    import io

    from gancourse.evaluation import inception

    state = {"a": torch.ones(3)}
    file = io.BytesIO()
    torch.save(state, file)
    monkeypatch.setattr(inception, "inception_weights", file.getvalue)
    given = {}

    class Network(StandIn):
        def __init__(self, name, features, feature_extractor_weights_path):
            super().__init__()
            given["state"] = torch.load(feature_extractor_weights_path, weights_only=True)
            given["features"] = features

    monkeypatch.setattr(inceptionv3, "FeatureExtractorInceptionV3", Network)
    assert evaluation.inception_features()(torch.zeros(2, 3, 64, 64)).shape == (2, 2048)
    assert torch.equal(given["state"]["a"], state["a"]) and given["features"] == ["2048", "logits_unbiased"]


def test_inception_without_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    with pytest.raises(evaluation.WeightsError, match=r'pip install "gancourse\[metrics\]"'):
        evaluation.inception_features()
