"""Edits in z and in layers: what they do, and that a file is used only as it was saved, for the G it was made for."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors

from gancourse import latent, models
from gancourse.latent import Edit, EditError, LatentError, edits


@pytest.fixture(scope="module", params=["mlp", "dcgan"])
def G(request):
    torch.manual_seed(0)
    return models.networks(request.param)[0].eval()


def steps(G, layers):
    return [Edit(f"layer {n}", n, torch.randn(latent.activations(G, torch.zeros(1, 100), n).shape[1:])) for n in layers]


def test_layer_0_is_z_and_every_layer_is_what_the_network_computes(G):
    z = latent.sample(5)
    assert torch.equal(latent.activations(G, z, 0), z)
    for layer in range(1, len(G.net)):
        with torch.no_grad():
            images = G.net[layer:](latent.activations(G, z, layer)).view(5, *G.image_shape)
        torch.testing.assert_close(images, G(z).detach())


def test_no_edit_changes_nothing_and_amounts_add_up(G):
    z, (edit,) = latent.sample(4), steps(G, [3])
    torch.testing.assert_close(edits.apply(G, z, []), latent.generate(G, z), atol=1e-5, rtol=0)
    torch.testing.assert_close(edits.apply(G, z, [(edit, 0.0)]), latent.generate(G, z), atol=1e-5, rtol=0)
    twice = edits.apply(G, z, [(edit, 0.25), (edit, 0.25)])
    torch.testing.assert_close(twice, edits.apply(G, z, [(edit, 0.5)]), atol=1e-5, rtol=0)
    assert (twice - latent.generate(G, z)).abs().max() > 1e-3


def test_an_edit_of_z_is_a_step_in_z(G):
    z, (edit,) = latent.sample(4), steps(G, [0])
    moved = latent.generate(G, z + 1.5 * edit.step)
    torch.testing.assert_close(edits.apply(G, z, [(edit, 1.5)]), moved, atol=1e-5, rtol=0)


def test_the_mode_and_the_weights_stay(G):
    G.train()
    before = edits.key(G)
    edits.apply(G, latent.sample(3), [(steps(G, [2])[0], 1.0)])
    assert G.training and edits.key(G) == before
    G.eval()


def test_a_difference_in_a_layer_carries_one_mean_to_the_other(G):
    a, b = latent.sample(6, seed=1), latent.sample(9, seed=2)
    step = latent.layer_difference(G, a, b, 3)
    reached = latent.activations(G, b, 3).mean(0) + step
    torch.testing.assert_close(reached, latent.activations(G, a, 3).mean(0))


def test_what_is_saved_is_loaded(G, tmp_path):
    path = edits.save(tmp_path / "mine.safetensors", steps(G, [0, 2]), G)
    found = edits.load(path, G)
    assert list(found) == ["layer 0", "layer 2"]
    for edit in steps(G, [0, 2]):
        assert found[edit.name].layer == edit.layer and found[edit.name].step.shape == edit.step.shape


def rewritten(path, metadata=None, change=None):
    with safe_open(str(path), framework="pt") as file:
        old = dict(file.metadata())
    tensors = load_safetensors(path.read_bytes())
    if change:
        change(tensors)
    path.write_bytes(save_safetensors(tensors, old | (metadata or {})))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "no edits"),
        (lambda path: path.write_bytes(b"\x80\x04pickle"), "no edits"),
        (lambda path: path.write_bytes((1 << 50).to_bytes(8, "little") + b"{}"), "no edits"),
        (lambda path: rewritten(path, {"format": "another"}), "'another'"),
        (lambda path: rewritten(path, {"edits": json.dumps({"layer 0": {"layer": 1, "about": ""}})}), "was changed"),
        (lambda path: rewritten(path, change=lambda t: t["layer 0"].mul_(2)), "was changed"),
    ],
)
def test_a_file_that_is_not_what_was_saved_is_refused(damage, says, tmp_path):
    torch.manual_seed(0)
    G = models.networks("mlp")[0].eval()
    path = edits.save(tmp_path / "mine.safetensors", steps(G, [0]), G)
    damage(path)
    with pytest.raises(EditError, match=says):
        edits.load(path, G)


def test_edits_of_another_generator_are_refused(tmp_path):
    torch.manual_seed(0)
    ours, other = models.networks("mlp")[0], models.networks("mlp")[0]
    path = edits.save(tmp_path / "mine.safetensors", steps(ours, [0]), ours)
    with pytest.raises(EditError, match="other weights"):
        edits.load(path, other)
    step = Edit("wide", 2, torch.zeros(7))
    with pytest.raises(EditError, match=r"shape \(7,\)"):
        edits.apply(ours, latent.sample(2), [(step, 1.0)])


def test_what_cannot_be_saved_is_named(G, tmp_path):
    (edit,) = steps(G, [0])
    for given, says in (
        ([], "at least one"),
        ([edit, edit], "each name once"),
        ([Edit("", 0, edit.step)], "printable"),
        ([Edit("broken", 0, edit.step * float("nan"))], "NaN"),
        ([Edit("short", 0, edit.step[:5])], r"shape \(5,\)"),
    ):
        with pytest.raises(EditError, match=says):
            edits.save(tmp_path / "mine.safetensors", given, G)
    with pytest.raises(EditError, match=r"\.safetensors"):
        edits.save(tmp_path / "mine.pt", [edit], G)
    with pytest.raises(LatentError, match="layer is 99"):
        latent.activations(G, latent.sample(1), 99)
    with pytest.raises(LatentError, match="expected one of"):
        latent.activations(torch.nn.Linear(100, 5), latent.sample(1), 0)  # type: ignore[arg-type]
