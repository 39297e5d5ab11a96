"""The page "Play": what it carries, what is written, and what that weighs. Its scripts run in tests/browser."""

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse import latent, pretrained
from gancourse.data.mnist_digits import mnist
from gancourse.publishing.website import play, play_data, play_weights, site


@pytest.fixture(scope="module")
def text():
    return play.data()


@pytest.fixture(scope="module")
def data(text):
    first, second = text.rstrip().split("\n")
    assert first == f"// {play.ingredients()}"
    return json.loads(second.removeprefix("globalThis.PLAY_DATA = ").removesuffix(";"))


def numbers(words, kind):
    return np.frombuffer(base64.b64decode(words), kind)


def picture(png, columns):
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))
    rows = sheet.shape[0] // 28
    return sheet.reshape(rows, 28, columns, 28).swapaxes(1, 2).reshape(-1, 28, 28)


# --- what the page carries ---------------------------------------------------------------------------------------


def test_the_weights_of_every_epoch_are_the_shipped_ones_in_eight_bits(data):
    assert list(data["generators"]) == [str(epoch) for epoch in play_data.EPOCHS] and len(play_data.EPOCHS) > 2
    assert data["last"] == play_data.EPOCHS[-1] == pretrained.epochs(play_data.NAME)[-1]
    for epoch, layers in data["generators"].items():
        G = play_data.generator(play_data.NAME, int(epoch))
        assert layers == play_weights.packed(play_weights.rounded(play_weights.folded(G)))
        assert all(len(numbers(layer["weights"], np.int8)) == layer["rows"] * layer["inputs"] for layer in layers)


def test_how_far_eight_bits_are_is_measured(data):
    G = play_data.generator(play_data.NAME)
    z = latent.sample(data["eightBits"]["n"], 100, seed=2)
    x = play_weights.images(play_weights.rounded(play_weights.folded(G)), z)
    levels = (x - G(z)).abs() * 127.5
    assert data["eightBits"]["mean"] == pytest.approx(levels.mean().item(), rel=0.02)
    assert data["eightBits"]["largest"] == pytest.approx(levels.max().item(), rel=0.02)
    assert 0 < data["eightBits"]["mean"] < 1  # of 255 grey levels


def test_the_stored_samples_are_pytorchs(data):
    about = data["samples"]
    stored = numbers(about["pixels"], "<u2").reshape(about["n"], 28, 28) / 65535 * 2 - 1
    z = latent.sample(about["of"], 100, seed=about["seed"])[: about["n"]]
    x = play_weights.images(play_weights.rounded(play_weights.folded(play_data.generator(play_data.NAME))), z)
    assert np.abs(stored - x[:, 0].numpy()).max() < 1e-4
    assert about["epoch"] == data["last"]


def test_directions_are_named_unit_vectors_that_do_what_they_say(data):
    for directions in data["directions"].values():
        names = {"thickness", "slant", "first", "second", *(f"digit {d}" for d in range(10))}
        assert set(directions) == names
        for one in directions.values():
            assert np.linalg.norm(numbers(one["vector"], "<f4")) == pytest.approx(1, abs=1e-5)
    last = data["directions"][str(data["last"])]
    assert 0 < last["thickness"]["r2"] < 1 and last["first"]["share"] > last["second"]["share"] > 0
    G, z = play_data.generator(play_data.NAME), latent.sample(64, 100, seed=5)
    for name, attribute in (("thickness", latent.thickness), ("slant", latent.slant)):
        step = 2 * torch.from_numpy(numbers(last[name]["vector"], "<f4").copy())
        assert attribute(G(z + step)).mean() > attribute(G(z - step)).mean()


def test_the_real_digits_and_the_strip_are_the_shipped_ones(data):
    real = picture(data["real"]["png"], data["real"]["columns"])
    assert np.array_equal(real, mnist("test").sample(data["real"]["n"]).pixels[:, 0].numpy())
    about, shipped = data["strip"], pretrained.strip(play_data.NAME)
    rows = picture(about["png"], about["n"])
    assert np.array_equal(rows, torch.cat([shipped[epoch] for epoch in about["epochs"]])[:, 0].numpy())
    assert about["epochs"][0] == 0 and set(play_data.EPOCHS) <= set(about["epochs"])
    fixed = pretrained.fixed_z(play_data.NAME)
    assert torch.equal(torch.randn(64, 100, generator=torch.Generator().manual_seed(about["seed"])), fixed)


def test_scores_are_the_cards(data):
    card = pretrained.card(play_data.NAME)
    for epoch in play_data.EPOCHS:
        assert data["scores"][str(epoch)] == card["files"][str(epoch)]["scores"]["classifier_fid"]


# --- the files ---------------------------------------------------------------------------------------------------


def test_the_page_is_whole_and_light(tmp_path, text):
    page = play.write(tmp_path, site.FRAME)
    assert page == tmp_path / "play.html"
    files = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert set(files) == {"play.html", "play.css", "play.js", "play-data.js"} and files["play-data.js"] == text
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= play.BUDGET == 2_000_000
    for name, content in files.items():
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|\bfetch\(|XMLHttpRequest|import\(", content), name
        assert not re.search(r"/(work|home|root|tmp|usr)/", content), name
    assert files["play.html"].index("play-data.js") < files["play.html"].index('"play.js"')
    ids = re.findall(r'\bid="([^"]+)"', files["play.html"])
    assert len(set(ids)) == len(ids)
    for anchor in re.findall(r'href="#([^"]+)"|aria-labelledby="([^"]+)"', files["play.html"]):
        assert "".join(anchor) in ids


def test_every_script_of_the_folder_is_on_the_page():
    folder = play.resources.files("gancourse").joinpath("assets", "site", "play")
    assert sorted(path.name for path in folder.iterdir() if path.name.endswith(".js")) == sorted(
        f"{name}.js" for name in play.SCRIPTS
    )


def test_what_would_be_too_heavy_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(play, "data", lambda: "x" * play.BUDGET)
    with pytest.raises(ValueError, match=r"2,\d{3},\d{3} bytes, and 2,000,000 may travel: name fewer epochs"):
        play.write(tmp_path, site.FRAME)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """Contents that are made at once, and how often they were."""
    made: list[int] = []
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "cache"))

    def contents():
        made.append(1)
        return {"made": len(made)}

    monkeypatch.setattr(play_data, "contents", contents)
    return made


def test_data_is_made_once_and_again_when_its_ingredients_change(counted, monkeypatch):
    assert play.data() == play.data() and len(counted) == 1
    monkeypatch.setattr(play, "ingredients", lambda: "others")
    assert '{"made":2}' in play.data() and play.data().startswith("// others\n")
    assert len(counted) == 2


def test_a_cached_file_of_something_else_is_not_taken(counted, tmp_path):
    play.data()
    (cached,) = (tmp_path / "cache").iterdir()
    cached.write_text("// something else\n")
    assert '{"made":2}' in play.data()


def test_without_a_cache_folder_the_data_comes_all_the_same(counted, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "file" / "cache"))
    assert '{"made":1}' in play.data() and '{"made":2}' in play.data()


# --- its place on the site ---------------------------------------------------------------------------------------


def test_the_page_is_on_the_index_and_in_search_where_there_is_one(counted, tmp_path):
    folder = tmp_path / "html"
    index = site.finish([], tmp_path, folder, tmp_path)
    assert "Play, without Python" not in index.read_text(encoding="utf-8")
    play.write(folder, site.FRAME)
    index = site.finish([], tmp_path, folder, tmp_path)
    assert '<a href="play.html">Play, without Python</a>' in index.read_text(encoding="utf-8")
    assert '"page": "play.html", "title": "Play, without Python"' in (folder / "search.js").read_text(encoding="utf-8")


def test_a_frame_may_have_more_places(counted, tmp_path):
    page = play.write(tmp_path / "html", "<head></head>[{before}]<main>{body}</main>[{after}]")
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"<head>{play.HEAD}</head>[]<main>") and text.endswith("</main>[]")
