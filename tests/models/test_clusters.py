"""A torn latent space: clusters of the data, found without labels, that G jumps between and D is told of."""

from dataclasses import replace

import pytest
import torch

from gancourse import models, pretrained
from gancourse.__main__ import main
from gancourse.data import Images, scale
from gancourse.models import Cluster128Discriminator, Cluster128Generator, ClusterDiscriminator, ClusterGenerator
from gancourse.models.clusters import find_clusters, intervals, k_means
from gancourse.models.fast import Network
from gancourse.training import Minimax, Recipe, Trainer
from gancourse.training.trainer import Config

CONFIG = Config(
    model="dcgan-clusters", batch_size=16, epochs=2, fresh_z=False, fast=False, precision="float32", ema_half_life=32.0
)


@pytest.fixture
def images():
    """160 images of one of four greys each, 16, 32, 48 and 64 of them, with a little noise."""
    rng = torch.Generator().manual_seed(0)
    grey = torch.tensor([30, 90, 150, 210]).repeat_interleave(torch.tensor([16, 32, 48, 64]))
    pixels = grey[:, None, None, None] + torch.randint(-5, 6, (160, 1, 28, 28), generator=rng)
    return Images(pixels.to(torch.uint8)[torch.randperm(160, generator=rng)], name="greys")


@pytest.fixture
def pair():
    torch.manual_seed(0)
    G, D = ClusterGenerator(4), ClusterDiscriminator(4)
    models.init_dcgan(G)
    models.init_dcgan(D)
    return G, D


def z_of(n, seed=0):
    return torch.randn(n, 100, generator=torch.Generator().manual_seed(seed))


def test_k_means_finds_groups_that_stand_apart():
    rng = torch.Generator().manual_seed(1)
    truth = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    x = torch.cat([t + 0.1 * torch.randn(n, 2, generator=rng) for t, n in zip(truth, (50, 30, 20), strict=True)])
    best = min((k_means(x, 3, torch.Generator().manual_seed(s)) for s in range(5)), key=lambda found: found[1].max())
    means, counts = best
    assert sorted(counts.tolist()) == [20, 30, 50]
    assert torch.cdist(truth, means).min(1).values.max() < 0.1


def test_fewer_images_than_clusters_are_refused():
    with pytest.raises(ValueError, match="3 images for 4 clusters; use at least 4"):
        k_means(torch.zeros(3, 2), 4, torch.Generator())


def test_z_falls_into_each_cluster_as_often_as_images_do(images, pair):
    G, D = pair
    find_clusters(G, D, images, seed=2)
    real = D.code(scale(images.pixels)).bincount(minlength=4) / len(images)
    drawn = G.code(z_of(100_000)).bincount(minlength=4) / 100_000
    assert torch.allclose(real, drawn, atol=0.01)
    assert real.max() > 0.3  # they are not all alike


def test_intervals_are_as_probable_as_asked_even_when_one_is_empty():
    edges = intervals(torch.tensor([1.0, 0.0, 3.0]))
    share = torch.bucketize(z_of(100_000)[:, 0].contiguous(), edges).bincount(minlength=3) / 100_000
    assert torch.allclose(share, torch.tensor([0.25, 0.0, 0.75]), atol=0.01)


def test_the_generator_jumps_at_an_edge_and_only_there(pair):
    G = pair[0].eval()
    z = z_of(1).repeat(4, 1)
    edge = G.edges[1]
    z[:, 0] = torch.stack([edge - 2e-3, edge - 1e-3, edge + 1e-3, edge + 2e-3])
    with torch.no_grad():
        step = (G(z)[1:] - G(z)[:-1]).flatten(1).norm(dim=1)
    assert step[1] > 20 * step[0] and step[1] > 20 * step[2]


def test_its_layers_are_those_of_p1_and_its_centres_are_always_the_same():
    torch.manual_seed(5)
    a = ClusterGenerator()
    torch.manual_seed(6)
    assert torch.equal(a.centres, ClusterGenerator().centres)
    count = models.count_parameters
    assert count(a) == count(models.DCGANGenerator()) and str(a.net) == str(models.DCGANGenerator().net)
    assert count(ClusterDiscriminator()) == count(models.DCGANDiscriminator()) + 100 * 6273


def test_without_a_code_d_takes_the_nearest_cluster(images, pair):
    G, D = pair
    find_clusters(G, D, images)
    x = scale(images.pixels[:32])
    own = D.code(x)
    assert torch.equal(D.eval()(x), D(x, own))
    assert not torch.allclose(D(x), D(x, (own + 1) % 4))
    assert torch.equal(D.code(D.means.view(4, 1, 28, 28)), torch.arange(4))


def test_the_fast_view_gives_the_same_images_and_logits(images, pair):
    G, D = pair
    find_clusters(G, D, images)
    G.eval(), D.eval()
    z, x = z_of(8), scale(images.pixels[:8])
    with torch.no_grad():
        assert torch.allclose(Network(G)(z), G(z), atol=1e-5)
        assert torch.allclose(Network(D)(x), D(x), atol=1e-5)
        assert torch.allclose(Network(D)(x, G.code(z)), D(x, G.code(z)), atol=1e-5)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("fresh_z", [False, True])
def test_d_is_told_the_cluster_of_each_fake_and_finds_that_of_real_ones(images, pair, monkeypatch, fast, fresh_z):
    G, D = pair
    told, drawn, seen = [], [], []
    leave, code = ClusterDiscriminator.leave, ClusterGenerator.code

    def listen(self, outputs, x, code):
        told.append(code)
        seen.append(x)
        return leave(self, outputs, x, code)

    def note(self, z):
        drawn.append(code(self, z))
        return drawn[-1]

    monkeypatch.setattr(ClusterDiscriminator, "leave", listen)
    config = replace(CONFIG, epochs=1, fast=fast, fresh_z=fresh_z, ema_half_life=0.0)
    trainer = Trainer(Minimax(G, D, Recipe()), images, config, device="cpu")
    monkeypatch.setattr(ClusterGenerator, "code", note)
    next(trainer.rounds())
    real, fake, again = told
    assert torch.equal(real, D.code(seen[0])) and len(real.unique()) > 1
    assert any(torch.equal(fake, c) for c in drawn) and any(torch.equal(again, c) for c in drawn)
    assert torch.equal(fake, again) is not fresh_z


def test_the_cluster_of_a_real_image_is_found_before_it_is_augmented(images, pair, monkeypatch):
    G, D = pair
    told, leave, batch = [], ClusterDiscriminator.leave, []

    def listen(self, outputs, x, code):
        told.append(code)
        return leave(self, outputs, x, code)

    config = replace(CONFIG, epochs=1, ema_half_life=0.0)
    trainer = Trainer(Minimax(G, D, Recipe(augment=("colour", "cutout"))), images, config, device="cpu")
    monkeypatch.setattr(ClusterDiscriminator, "leave", listen)
    rows = Images.rows

    def note(self, index):
        batch.append(rows(self, index))
        return batch[-1]

    monkeypatch.setattr(Images, "rows", note)
    next(trainer.rounds())
    assert torch.equal(told[0], D.code(scale(batch[0][: len(told[0])]))) and len(told[0].unique()) > 1


@pytest.mark.parametrize("fast", [False, True])
def test_churches_are_torn_as_digits_are(fast):
    colours = torch.randint(0, 256, (4, 3, 1, 1), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    which = torch.arange(24) % 4
    pixels = colours[which].expand(-1, -1, 128, 128).contiguous()
    torch.manual_seed(0)
    G, D = Cluster128Generator(2, 4), Cluster128Discriminator(2, 4)
    config = replace(CONFIG, model="dcgan128-clusters", batch_size=8, epochs=1, fast=fast)
    Trainer(Minimax(G, D, Recipe(augment=("translation",))), Images(pixels), config, device="cpu").fit(progress=False)
    found = D.code(scale(pixels))
    assert all(len(found[which == i].unique()) == 1 for i in range(4)) and len(found.unique()) > 2
    z = z_of(8)
    with torch.no_grad():
        x, _ = G.eval()(z), D.eval()
        assert x.shape == (8, 3, 128, 128)
        assert torch.allclose(Network(D)(x, G.code(z)), D(x, G.code(z)), atol=1e-4)
        assert torch.allclose(Network(G)(z), x, atol=1e-4)
    assert models.count_parameters(G) == models.count_parameters(models.DCGAN128Generator(2))


def test_penalties_take_the_slope_of_an_image_s_own_cluster(images, pair, monkeypatch):
    """And not of the one that its augmented picture happens to be near."""
    G, D = pair
    told = []

    def judged(judge, x):
        leave = D.leave

        def asked(outputs, x, code):
            told.append((code, D.code(x)))
            return leave(outputs, x, code)

        monkeypatch.setattr(D, "leave", asked)
        judge(x)
        monkeypatch.setattr(D, "leave", leave)
        return x.sum() * 0

    minimax = "gancourse.training.algorithms.minimax."
    monkeypatch.setattr(minimax + "r1_penalty", judged)
    monkeypatch.setattr(minimax + "view", lambda x, *_: -x)  # light becomes dark
    Trainer(Minimax(G, D, Recipe(r1=1.0, r1_share=0.5)), images, CONFIG, device="cpu").fit(progress=False)
    for code, near in told:
        assert len(code) == CONFIG.batch_size // 2 and not torch.equal(code, near)
    assert len(told) == 2 * 10


def test_a_discriminator_that_is_told_nothing_and_mixed_batches_are_refused(images, pair):
    G, D = pair
    with pytest.raises(
        ValueError, match="ClusterGenerator needs a discriminator that is told its clusters; D is a DCGAN"
    ):
        Minimax(G, models.DCGANDiscriminator())
    with pytest.raises(ValueError, match="use mixed=False"):
        Trainer(Minimax(G, D, Recipe(mixed=True)), images, CONFIG, device="cpu")


def test_a_run_goes_on_where_it_stopped_bit_for_bit(images, tmp_path):
    def train(epochs, out):
        torch.manual_seed(0)
        G, D = ClusterGenerator(4), ClusterDiscriminator(4)
        trainer = Trainer(Minimax(G, D, Recipe()), images, replace(CONFIG, epochs=epochs), out=out, device="cpu")
        trainer.fit(progress=False)
        return trainer

    train(1, tmp_path / "two")
    resumed, whole = train(2, tmp_path / "two"), train(2, tmp_path / "one")
    for name, value in whole.networks["G"].state_dict().items():
        assert torch.equal(value, resumed.networks["G"].state_dict()[name]), name
    assert (
        torch.equal(whole.networks["D"].means, resumed.networks["D"].means)
        and whole.networks["D"].means.abs().sum() > 0
    )


def test_churches_trained_shipped_and_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr("gancourse.evaluation.church_reader.scores", lambda G: {"distance": 1.0})
    run, out = str(tmp_path / "run"), tmp_path / "weights"
    train = "train church-clusters --epochs 1 --images 104 --width 2 --batch-size 52 --ema-half-life 64"
    assert main([*train.split(), "--milestones", "1", "--out", run]) == 0
    assert main(["ship", run, "--name", "torn", "--epochs", "1", "--eight-bit", "--out", str(out)]) == 0
    G, D = (pretrained.load("torn", folder=out, part=part) for part in "GD")
    assert isinstance(G, Cluster128Generator) and isinstance(D, Cluster128Discriminator)
    assert D(G(z_of(3))).shape == (3,)
    command = pretrained.card("torn", out)["commands"][0]
    assert command.startswith("python -m gancourse train church-clusters --epochs 1 --width 2 --images 104")


def test_trained_shipped_and_loaded(tmp_path, quick_packing, monkeypatch):
    monkeypatch.setattr("gancourse.publishing.shipping.N_SCORE", 500)
    run, out = str(tmp_path / "run"), tmp_path / "weights"
    train = "train dcgan-clusters --epochs 1 --images 128 --batch-size 64 --lr 0.001 --decay --ema-half-life 64 --plain"
    assert main([*train.split(), "--precision", "float32", "--milestones", "1", "--out", run]) == 0
    assert main(["ship", run, "--name", "torn", "--epochs", "1", "--eight-bit", "--out", str(out)]) == 0
    G, D = (pretrained.load("torn", folder=out, part=part) for part in "GD")
    assert isinstance(G, ClusterGenerator) and isinstance(D, ClusterDiscriminator)
    assert G(z_of(3)).shape == (3, 1, 28, 28) and D(G(z_of(3))).shape == (3,)
    assert "--lr 0.001" in pretrained.card("torn", out)["commands"][0]
