"""Weights of photographs are not shipped before somebody has looked for copies; the somebody is tested here."""

import pytest
import torch
from torch import nn

from gancourse import pretrained
from gancourse.__main__ import main
from gancourse.data import Images, scale
from gancourse.evaluation import copies
from gancourse.models import networks, standing_statistics
from gancourse.publishing import shipping
from gancourse.publishing.shipping import Photographs
from gancourse.training import Config, Minimax, Trainer
from gancourse.training.checkpoint import RunError
from gancourse.training.run import Run


def pictures(n, seed, size=32):
    """Smooth random pictures: noise of 4 x 4 fields, enlarged."""
    fields = torch.rand(n, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return Images((nn.functional.interpolate(fields, size, mode="bilinear") * 255).byte(), name="pictures")


TRAIN, UNSEEN = pictures(200, 0), pictures(60, 1)


class Shows(nn.Module):
    """A generator that shows given images, whatever z is, from the first on and over again."""

    def __init__(self, images, noise=0.0):
        super().__init__()
        self.x, self.noise, self.at = scale(images.pixels), noise, 0

    def forward(self, z):
        index = (torch.arange(len(z)) + self.at) % len(self.x)
        self.at += len(z)
        return self.x[index] + self.noise * torch.randn(self.x[index].shape, generator=torch.Generator().manual_seed(2))


def test_new_pictures_are_no_copies():
    found = copies.check(Shows(pictures(100, 3)), TRAIN, UNSEEN, 100)
    assert found.share == 0 and found.unseen == 0 and found.closest.min() > 0.5


@pytest.mark.parametrize("mirrored", [False, True])
def test_noisy_copies_are_found_and_named_mirrored_or_not(mirrored):
    copied = Images(TRAIN.pixels[:100].flip(3) if mirrored else TRAIN.pixels[:100])
    found = copies.check(Shows(copied, noise=0.1), TRAIN, UNSEEN, 100)
    assert found.share == 1 and found.closest.max() < 0.4
    assert torch.equal(found.nearest, torch.arange(100) + 200 * mirrored)


def test_blurred_new_pictures_are_no_copies_though_they_lie_near_everything():
    sharp = pictures(100, 3)
    grey = scale(sharp.pixels).mean((2, 3), keepdim=True).expand(-1, -1, 32, 32)
    blurred = Images((((0.5 * grey + 0.5 * scale(sharp.pixels)) + 1) * 127.5).byte())
    distance = [torch.cdist(copies.outlines(x), copies.outlines(TRAIN)).amin(1).mean() for x in (sharp, blurred)]
    assert distance[1] < 0.85 * distance[0]
    assert copies.check(Shows(blurred), TRAIN, UNSEEN, 100).share == 0


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match="200 training and 5 unseen images, expected at least 20"):
        copies.check(Shows(TRAIN), TRAIN, UNSEEN.subset(5))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    torch.manual_seed(0)
    trainer = Trainer(
        Minimax(*networks("dcgan128", width=2)),
        pictures(24, 0, 128),
        Config("dcgan128", 1, 8),
        folder,
        "cpu",
        milestones=(1,),
    )
    trainer.fit(progress=False)
    return Run(folder)


def ship(run, out, photographs, **options):
    return shipping.ship(
        run, "mine", [1], out, "abc", discriminators=(), strip=False, photographs=photographs, **options
    )


def test_photographs_are_shipped_only_after_the_check_and_the_card_tells(run, tmp_path):
    train, unseen = pictures(24, 0, 128), pictures(20, 1, 128)
    with pytest.raises(RunError, match=r"only after a check for copies\. Give --photographs TRAIN UNSEEN"):
        ship(run, tmp_path, None)
    with pytest.raises(RunError, match="is not what this run was trained on"):
        ship(run, tmp_path, Photographs(unseen, train, "mine"))
    assert list(tmp_path.iterdir()) == []
    card = ship(run, tmp_path, Photographs(train, unseen, "Pictures of mine."))
    assert card["licence"] == "Pictures of mine." and card["strip"] is None
    assert card["files"]["1"]["copies"] == {
        "share": 0.0,
        "closest": pytest.approx(0.9, abs=0.15),
        "unseen_share": 0.0,
        "samples": 1000,
        "unseen": 20,
    }
    assert "--data FOLDER --images 24" in card["commands"][0]
    assert "--discriminators --no-strip --photographs TRAIN UNSEEN --source TEXT" in card["commands"][1]
    assert pretrained.load("mine", folder=tmp_path).image_shape == (3, 128, 128)
    with pytest.raises(pretrained.PretrainedError, match="without its discriminator"):
        pretrained.load("mine", folder=tmp_path, part="D")
    with pytest.raises(pretrained.PretrainedError, match="mine has no strip"):
        pretrained.strip("mine", tmp_path)


def test_standing_statistics_are_shipped_and_the_command_says_so(run, tmp_path):
    photographs = Photographs(pictures(24, 0, 128), UNSEEN, "mine")
    plain, renewed = (ship(run, tmp_path / name, photographs, stand=name == "b") for name in "ab")
    assert "--standing" in renewed["commands"][1] and "--standing" not in plain["commands"][1]
    a, b = (pretrained.load("mine", folder=tmp_path / name).state_dict() for name in "ab")
    changed = {k for k in a if not torch.equal(a[k], b[k])}
    assert changed and all(k.endswith(standing_statistics.STATISTICS) for k in changed)


def test_copies_are_not_shipped(run, tmp_path, monkeypatch):
    found = copies.Copies(0.002, 0.0, torch.full((1000,), 0.3), torch.zeros(1000, dtype=torch.int64))
    monkeypatch.setattr(copies, "check", lambda *_: found)
    with pytest.raises(RunError, match=r"0\.2% of 1000 samples are copies"):
        ship(run, tmp_path, Photographs(pictures(24, 0, 128), UNSEEN, "mine"))
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(copies, "check", lambda *_: found._replace(share=0.0))
    assert ship(run, tmp_path, Photographs(pictures(24, 0, 128), UNSEEN, "mine"))["files"]["1"]["copies"]["share"] == 0


def test_photographs_without_a_source_are_refused(run, tmp_path, capsys):
    command = ["ship", str(run.folder), "--name", "mine", "--epochs", "1", "--out", str(tmp_path)]
    assert main([*command, "--photographs", str(tmp_path), str(tmp_path)]) == 1
    assert "without --source" in capsys.readouterr().err
