"""The reader of churches' factors, and what is counted with it."""

import json
import math

import pytest
import torch

from gancourse import files
from gancourse.data.churches import FACTORS, procedural_churches
from gancourse.evaluation import WeightsError, church_reader
from gancourse.evaluation.church_reader import combinations, coverage, load_reader, read, train_reader
from gancourse.models import ShapeError


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A reader trained for a moment, and its accuracies."""
    out = tmp_path_factory.mktemp("reader") / "small.safetensors"
    return out, train_reader(out, images=40, test=20, epochs=1)


def drawn(n, **only):
    """Factors drawn uniformly, some of them held at one value."""
    rng = torch.Generator().manual_seed(0)
    found = {name: torch.randint(0, len(values), (n,), generator=rng) for name, values in FACTORS.items()}
    return found | {name: torch.full((n,), value) for name, value in only.items()}


def test_what_is_written_is_what_is_read(small):
    out, scores = small
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["accuracy"] == {name: round(value, 4) for name, value in scores.items()}
    assert (
        card["command"]
        == "python -m gancourse train-church-reader --out small.safetensors --images 40 --epochs 1 --seed 0"
    )
    assert church_reader.accuracy(load_reader(out), *procedural_churches(20, seed=1)) == pytest.approx(scores)


def test_images_and_floats_are_read_alike(small):
    images, _ = procedural_churches(6, seed=1)
    model = load_reader(small[0])
    found = read(images, model)
    assert list(found) == list(FACTORS)
    floats = read(images.pixels.float() / 127.5 - 1, model)
    assert all(torch.equal(found[name], floats[name]) for name in FACTORS)
    with pytest.raises(ShapeError, match=r"\(2, 3, 32, 32\), expected churches"):
        read(torch.zeros(2, 3, 32, 32), model)


def test_features_for_the_scores(small):
    extractor = church_reader.church_features(load_reader(small[0]))
    features, logits = extractor.both(torch.rand(5, 3, 128, 128) * 2 - 1)
    assert features.shape == (5, 96)
    assert logits is not None
    assert logits.exp().sum(1).allclose(torch.ones(5), atol=1e-4)  # 30 probabilities of plan and stone together


@pytest.mark.parametrize("damage", ["bytes", "card", "no card", "other network", "absent"])
def test_what_is_not_the_reader_is_refused(small, tmp_path, damage):
    out = tmp_path / "copy.safetensors"
    out.write_bytes(small[0].read_bytes())
    out.with_suffix(".json").write_text(small[0].with_suffix(".json").read_text())
    if damage == "bytes":
        out.write_bytes(out.read_bytes()[:-4])
    elif damage == "card":
        out.with_suffix(".json").write_text("[1]")
    elif damage == "no card":
        out.with_suffix(".json").unlink()
    elif damage == "absent":
        out.unlink()
    else:
        other = church_reader.SHIPPED.with_name("mnist-classifier.safetensors.xz")
        out.write_bytes(files.read_unpacked(other, 1 << 20))
        out.with_suffix(".json").write_text(files.card_of(other).read_text())
    again = r"python -m gancourse train-church-reader"
    with pytest.raises(WeightsError, match=rf"(?s)holds no reader of churches: .*{again}"):
        load_reader(out)


def test_coverage_of_even_missing_and_collapsed_factors():
    even = coverage(drawn(5000), "plan")
    assert even.kl < 0.002
    assert even.missing == []
    assert even.shares.sum() == pytest.approx(1)
    collapsed = coverage(drawn(500, plan=2), "plan")
    assert collapsed.kl == pytest.approx(math.log(5))
    assert collapsed.missing == ["west tower", "side tower", "crossing", "chapel"]
    half = {"sun": torch.tensor([0, 0, 0, 1])}
    assert coverage(half, "sun").kl == pytest.approx(math.log(2) + 0.75 * math.log(0.75) + 0.25 * math.log(0.25))


def test_combinations_are_counted_and_expected():
    names = ("plan", "top", "time")
    met, expected, total = combinations(drawn(400), names)
    assert total == 125
    assert expected == pytest.approx(125 * (1 - (124 / 125) ** 400))
    assert abs(met - expected) < 8
    assert combinations(drawn(400, top=0, time=3), names)[0] == 5
    every = torch.cartesian_prod(torch.arange(5), torch.arange(5), torch.arange(5))
    assert combinations(dict(zip(names, every.T, strict=True)), names)[0] == 125  # no two share a code


def test_the_shipped_reader_is_as_good_as_its_card_says():
    images, truth = procedural_churches(150, seed=9)
    found = church_reader.accuracy(church_reader.reader(), images, truth)
    for name, stated in church_reader.accuracies().items():
        assert found[name] > stated - 4 * math.sqrt(stated * (1 - stated) / 150) - 0.02, name
    assert sum(value > 0.85 for value in church_reader.accuracies().values()) >= 5


def test_a_generator_of_one_church_is_found_out():
    """The worst collapse: every sample the same picture."""
    image = procedural_churches(3, seed=1)[0].pixels[2:]
    found = read(image.repeat(60, 1, 1, 1).float() / 127.5 - 1)
    assert combinations(found, ("plan", "time"))[0] == 1
    assert coverage(found, "time").kl == pytest.approx(math.log(5))
