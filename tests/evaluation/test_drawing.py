"""Parts of a set are drawn, not cut off: the halves of MNIST's test set, in file order, are two sets of writers."""

import ast
from pathlib import Path

import pytest
import torch

from gancourse import evaluation, pretrained
from gancourse.data import DataError, Images, mnist, scale
from gancourse.evaluation import classifier_features, evaluate, frechet_distance, summarise, summary, summary_of
from gancourse.evaluation.image_batches import batches, take

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def test_features():
    return summary_of(mnist("test"), classifier_features()).features.double()


def distance(a, b):
    return frechet_distance(a.mean(0), a.T.cov(), b.mean(0), b.T.cov())


def test_the_halves_of_the_file_differ_and_drawn_halves_do_not(test_features):
    test = mnist("test")
    one = test.sample(5000).pixels
    assert distance(test_features[:5000], test_features[5000:]) > 2
    drawn = summarise(Images(one), classifier_features())
    assert frechet_distance(drawn.mean, drawn.cov, test_features.mean(0), test_features.T.cov()) < 0.1
    assert frechet_distance(drawn.mean, drawn.cov, test_features[:5000].mean(0), test_features[:5000].T.cov()) > 0.4


def test_a_sample_is_drawn_without_repeats_the_same_for_a_seed_and_a_whole_one_stays_in_order():
    images = Images(torch.arange(200, dtype=torch.uint8).view(200, 1, 1, 1), torch.arange(200))
    part = images.sample(50)
    assert torch.equal(part.pixels, images.sample(50).pixels) and len(part.pixels.unique()) == 50
    assert not torch.equal(part.pixels, images.sample(50, seed=1).pixels)
    assert part.labels is not None and torch.equal(part.pixels.flatten().long(), part.labels)
    assert torch.equal(images.sample(200, seed=7).pixels, images.pixels)
    for n in (0, 201):
        with pytest.raises(DataError, match=f"asked for {n} images of 200"):
            images.sample(n)


def test_training_subsets_keep_the_order_of_the_file():
    assert torch.equal(mnist("train").subset(300).pixels, mnist("train").pixels[:300])


def test_what_is_scored_with_fewer_images_does_not_depend_on_the_order_of_the_file(test_features):
    """2,000 real images against the test set as it stands, and with its halves exchanged: by file order these
    precisions differed by more than a tenth for a perceptron, here by what 2,000 random images differ."""
    look, test = classifier_features(), mnist("test")
    ours = summarise(pretrained.load("mlp-mnist", 50), look, 2000)
    whole = summary_of(test, look)
    found = []
    for order in (torch.arange(10_000), torch.arange(10_000).roll(5000)):
        real = summary.Summary(**{**vars(whole), "features": whole.features[order]})
        found.append(evaluate(ours, real, look))
    assert found[0].fid == found[1].fid
    assert abs(found[0].precision - found[1].precision) < 0.05
    by_file = [evaluation.precision_recall(f, ours.features) for f in (test_features[:2000], test_features[-2000:])]
    assert abs(by_file[0].precision - by_file[1].precision) > 0.1


def test_scores_with_all_test_images_are_those_of_the_file_order(test_features):
    """All 10,000 of both: nothing is drawn, and the scores are what they were when the first 10,000 were taken."""
    look = classifier_features()
    ours = Images(mnist("train").pixels[:10_000])
    theirs = summary_of(mnist("test"), look)
    assert torch.equal(theirs.features.double(), test_features)
    assert torch.equal(next(batches(take(ours, 10_000, 0))), scale(ours.pixels[:500]))
    fake = summarise(ours, look)
    found = evaluate(fake, theirs, look)
    assert found.precision == evaluation.precision_recall(theirs.features, fake.features).precision
    assert found.kid == evaluation.kernel_distance(theirs.features, fake.features).value


def test_a_part_of_images_and_of_a_tensor_is_drawn_and_kept_features_are_too(monkeypatch):
    monkeypatch.setattr(summary, "KEEP", 100)
    values = torch.linspace(-1, 1, 2000).view(2000, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
    pixels = (torch.arange(2000) * 255 // 1999).to(torch.uint8).view(2000, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
    look = evaluation.Extractor("pixels", 4, lambda x: (x.flatten(1), None), "key", torch.device("cpu"))
    for source in (values, Images(pixels)):
        for n in (None, 1000, 50):
            found = summarise(source, look, n)
            assert found.n == (n or 2000) and len(found.features) == min(found.n, 100)
            assert abs(found.features.mean()) < 0.25 and abs(found.mean.mean()) < 0.25  # the first ones are near -1


# --- in the sources ----------------------------------------------------------------------------------------


def cut_test_sets(text: str) -> list[str]:
    """Places in a source where the head of MNIST's test set is taken: `test.pixels[:n]`, `mnist("test").subset(n)`."""
    found = []
    tree = ast.parse(text)
    names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target, value in _pairs(node)
        if isinstance(target, ast.Name) and _is_test_set(value, set())
    }
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(ast.Attribute(whole, "pixels" | "labels"), ast.Slice()):
                cut = _is_test_set(whole, names)
            case ast.Call(ast.Attribute(whole, "subset")):
                cut = _is_test_set(whole, names)
            case _:
                continue
        if cut:
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


def _pairs(node: ast.Assign):
    target = node.targets[0]
    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
        return list(zip(target.elts, node.value.elts, strict=True))
    return [(target, node.value)]


def _is_test_set(node: ast.AST, names: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in names
    if not isinstance(node, ast.Call) or ast.unparse(node.func).split(".")[-1] != "mnist":
        return False
    return any(isinstance(a, ast.Constant) and a.value == "test" for a in node.args)


def test_nobody_cuts_the_test_set_in_file_order():
    sources = [*(ROOT / "gancourse").rglob("*.py"), *(ROOT / "notebooks" / "src").glob("*.py")]
    wrong = {str(path.relative_to(ROOT)): cut for path in sources if (cut := cut_test_sets(path.read_text("utf-8")))}
    assert len(sources) > 100
    assert not wrong, f"the test set's file order is its writers' order: use Images.sample(n). {wrong}"


@pytest.mark.parametrize(
    "text",
    [
        'x = mnist("test").pixels[:100]',
        'x = data.mnist("test").subset(100)',
        'train, test = data.mnist("train"), data.mnist("test")\nx = scale(test.pixels[:n])',
        'unseen = data.mnist("test")\ny = unseen.labels[100:200]',
    ],
)
def test_the_rule_sees_what_it_forbids(text):
    assert len(cut_test_sets(text)) == 1
    assert cut_test_sets(text.replace('"test"', '"train"')) == []
