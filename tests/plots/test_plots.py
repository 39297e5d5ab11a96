"""Figures hold what they should: marks at the right heights, images in order, alternative text, no overlapping text."""

import base64
import io
import math
import re
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.text import Annotation
from PIL import Image
from torch import nn

from gancourse import models, plots
from gancourse.models.catalogue import options_of
from gancourse.plots import showing
from gancourse.plots.grids import GUTTER, to_grid, to_uint8


@pytest.fixture(autouse=True)
def _style():
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


@pytest.fixture
def ipython():
    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


def history(epochs=10, **changes):
    row = {
        "loss_d": 1.0,
        "loss_g": 1.5,
        "d_real": 0.7,
        "d_fake_before": 0.3,
        "d_fake_after": 0.25,
        "grad_norm_d": 0.5,
        "grad_norm_g": 2.0,
    }
    return [
        {"epoch": e, **{key: value + 0.01 * e for key, value in row.items()}, **changes} for e in range(1, epochs + 1)
    ]


def numbered(count, side=8, channels=1):
    """uint8 images whose grey level tells their place in the order."""
    return torch.arange(count, dtype=torch.uint8).mul(3).view(-1, 1, 1, 1).expand(-1, channels, side, side).clone()


def pixels(fig):
    return np.asarray(Image.open(io.BytesIO(plots.to_png(fig))).convert("RGB"))


def overlaps(fig):
    """Pairs of texts of a figure that cover each other, and texts that leave the figure."""
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    renderer = canvas.get_renderer()
    texts = list(fig.texts)
    for ax in fig.axes:
        texts += [*ax.texts, ax.xaxis.label, ax.yaxis.label, ax._left_title]
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t.get_text()]
    pairs = [(a, b) for i, (a, p) in enumerate(boxes) for b, q in boxes[i + 1 :] if p.overlaps(q)]
    outside = [a for a, p in boxes if p.x0 < 0 or p.y0 < 0 or p.x1 > fig.bbox.x1 or p.y1 > fig.bbox.y1]
    return pairs + outside


def dashed(ax):
    """Heights of the horizontal marks of an axes."""
    return sorted(line.get_ydata()[0] for line in ax.lines if list(line.get_xdata()) == [0, 1])


# --- style and show -----------------------------------------------------------------------------------------


def test_style_has_an_opaque_white_face():
    assert plt.rcParams["figure.facecolor"] == "#FFFFFF"
    fig, ax = plt.subplots()
    ax.plot([0, 1])
    png = Image.open(io.BytesIO(plots.to_png(fig))).convert("RGBA")
    assert png.getpixel((0, 0)) == (255, 255, 255, 255)


def test_colours_are_told_apart_by_colour_blind_readers():
    # Machado et al. 2009, full protanopia, deuteranopia and tritanopia, in linear RGB; distances in CIE Lab.
    deficiencies = {
        "normal": np.eye(3),
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    }
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])

    def lab(colour, matrix):
        rgb = np.array(to_rgb(colour))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        x, y, z = np.cbrt(to_xyz @ np.clip(np.array(matrix) @ linear, 0, 1) / [0.9505, 1.0, 1.089])
        return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])

    names = ["data", "generator", "discriminator", "accent"]
    for kind, matrix in deficiencies.items():
        for i, a in enumerate(names):
            for b in names[i + 1 :]:
                distance = np.linalg.norm(lab(plots.COLOURS[a], matrix) - lab(plots.COLOURS[b], matrix))
                assert distance > 15, f"{a} and {b} look alike ({distance:.0f}) with {kind} sight"


def test_show_is_one_picture_with_alt_text_then_the_caption(ipython):
    fig, ax = plt.subplots()
    ax.plot([1, 2])
    with capture_output() as captured:
        plots.show(fig, "2.1", "What to\n see.", "A rising\n line.")
    picture, caption = captured.outputs
    assert set(picture.data) == {"image/png", "text/plain"}
    assert picture.metadata == {"image/png": {"alt": "A rising line."}}
    assert picture.data["text/plain"] == "Figure 2.1: A rising line."
    assert base64.b64decode(picture.data["image/png"]).startswith(b"\x89PNG")
    assert caption.data["text/markdown"] == "*Figure 2.1. What to see.*"
    assert plt.get_fignums() == []


def test_show_outside_ipython_only_closes(capsys):
    fig = plt.figure()
    plots.show(fig, "1.1", "Caption.", "Alt.")
    assert plt.get_fignums() == [] and capsys.readouterr().out == ""


@pytest.mark.parametrize(("caption", "alt", "named"), [("", "Alt.", "caption"), ("Caption.", " ", "alt")])
def test_show_wants_a_caption_and_an_alt_text(caption, alt, named):
    with pytest.raises(ValueError, match=rf"figure 1\.1 has an empty {named}"):
        plots.show(plt.figure(), "1.1", caption, alt)


def test_pngs_are_deterministic():
    assert plots.to_png(plots.losses(history())) == plots.to_png(plots.losses(history()))


# --- images -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_to_grid_keeps_the_order(channels):
    images = numbered(7, channels=channels)
    grid = to_grid(images, columns=3)
    step = 8 + GUTTER
    assert grid.dtype == np.uint8
    assert grid.shape == (3 * step + GUTTER, 3 * step + GUTTER) + ((3,) if channels == 3 else ())
    for i in range(7):
        tile = grid[GUTTER + i // 3 * step :, GUTTER + i % 3 * step :][:8, :8]
        assert (tile == 3 * i).all()
    assert (grid[2 * step + GUTTER :, step + GUTTER :] == 255).all()  # the two cells without an image


def test_float_images_map_to_grey_levels():
    images = torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1, 1)
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        assert to_uint8(images.to(dtype)).flatten().tolist() == [0, 128, 255]
    assert to_uint8(images.numpy()).flatten().tolist() == [0, 128, 255]
    assert to_uint8(images.requires_grad_()).shape == (3, 1, 1, 1)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(28, 28), r"shape \(28, 28\), expected \(B, C, H, W\)"),
        (torch.zeros(1, 28, 28), r"images\[None\]"),
        (torch.zeros(4, 2, 8, 8), r"C = 1 or 3"),
        (torch.zeros(0, 1, 8, 8), r"at least one image"),
        (torch.full((1, 1, 2, 2), 255.0), r"from 255 to 255, expected \[-1, 1\]"),
        (torch.full((1, 1, 2, 2), math.nan), r"NaN"),
        (torch.zeros(1, 1, 2, 2, dtype=torch.int64), r"dtype int64"),
    ],
)
def test_wrong_images_are_named(images, message):
    with pytest.raises(ValueError, match=message):
        plots.image_grid(images, columns=1)


def test_columns_must_be_positive():
    with pytest.raises(ValueError, match="columns is 0"):
        to_grid(numbered(2), 0)


@pytest.mark.parametrize(("count", "columns", "side"), [(64, 8, 28), (100, 20, 28), (8, 4, 128)])
def test_a_grid_is_drawn_pixel_by_pixel(count, columns, side):
    """The published picture is the grid, each of its pixels drawn as one square of the same size."""
    images = torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1
    grid = to_grid(images, columns)
    scale = 840 // grid.shape[1] or 1
    edge = GUTTER * scale
    expected = grid.astype(int).repeat(scale, 0).repeat(scale, 1)[edge:-edge, edge:-edge]
    picture = pixels(plots.image_grid(images, columns))[..., 0]
    dark = picture < 255
    top, left = dark.any(1).argmax() - 8, dark.any(0).argmax() - 8
    height, width = expected.shape
    assert any(
        np.abs(picture[y : y + height, x : x + width].astype(int) - expected).max() <= 1  # rounding in the grey map
        for y in range(max(top, 0), top + 9)
        for x in range(max(left, 0), left + 9)
    )


def test_samples_over_epochs_has_a_row_per_epoch():
    samples = {5: numbered(64), 1: numbered(64).flip(0), 0: numbered(64)}
    fig = plots.samples_over_epochs(samples)
    assert [ax.get_label() for ax in fig.axes] == ["epoch 0", "epoch 1", "epoch 5"]
    assert [t.get_text() for t in fig.texts] == ["epoch 0", "epoch 1", "epoch 5"]
    np.testing.assert_array_equal(fig.axes[1].images[0].get_array(), to_grid(numbered(64).flip(0)[:12], 12))
    assert [ax.get_position().y0 for ax in fig.axes] == sorted((ax.get_position().y0 for ax in fig.axes), reverse=True)
    with pytest.raises(ValueError, match="samples is empty"):
        plots.samples_over_epochs({})


def test_side_by_side_keeps_labels_and_order():
    fig = plots.side_by_side({"real": numbered(9), "fake": numbered(9).flip(0)})
    assert [t.get_text() for t in fig.texts] == ["real", "fake"]
    assert fig.axes[0].get_position().x1 < fig.axes[1].get_position().x0
    np.testing.assert_array_equal(fig.axes[0].images[0].get_array(), to_grid(numbered(9), 3))
    assert not overlaps(fig)
    with pytest.raises(ValueError, match="panels is empty"):
        plots.side_by_side({})


# --- curves -------------------------------------------------------------------------------------------------


def test_losses_marks_the_equilibrium():
    fig = plots.losses(history())
    left, middle, right = fig.axes
    assert dashed(left) == pytest.approx([math.log(2), 2 * math.log(2)])
    assert dashed(middle) == [0.5]
    assert dashed(right) == [] and right.get_yscale() == "log"
    assert [ax.get_xlabel() for ax in fig.axes] == ["epoch"] * 3
    assert [ax.get_ylabel() for ax in fig.axes] == ["loss (nats)", "probability of real", "norm (log scale)"]
    curves = {line.get_label(): line for line in middle.lines}
    assert np.array_equal(curves["D(x)"].get_ydata(), [row["d_real"] for row in history()])
    assert np.array_equal(curves["D(G(z)) after"].get_ydata(), [row["d_fake_after"] for row in history()])
    assert to_rgb(curves["D(x)"].get_color()) == to_rgb(plots.COLOURS["data"])
    assert {t.get_text() for t in left.texts} == {"D's loss", "G's loss", "2 ln 2", "ln 2"}


def test_the_saturating_loss_is_negative_at_the_equilibrium():
    assert dashed(plots.losses(history(loss_g=-0.5), loss="saturating").axes[0])[0] == pytest.approx(-math.log(2))
    with pytest.raises(ValueError, match="loss is 'minimax', expected one of non_saturating, saturating"):
        plots.losses(history(), loss="minimax")


@pytest.mark.parametrize(
    "rows",
    [
        history(1),
        history(30),
        history(5, loss_d=0.7, loss_g=0.7),
        history(5, d_real=0.5, d_fake_before=0.5, d_fake_after=0.5),
        history(4, d_real=1.0, d_fake_before=0.0, d_fake_after=0.0, grad_norm_g=0.0),
        history(3, loss_g=math.nan, grad_norm_g=math.inf),
    ],
    ids=["one epoch", "thirty", "equal losses", "equilibrium", "D wins", "not finite"],
)
@pytest.mark.filterwarnings("error")
def test_curves_draw_any_run_without_overlapping_text(rows):
    assert not overlaps(plots.losses(rows))


def test_compare_losses_shares_its_axes():
    fig = plots.compare_losses({"MLP": history(30), "DCGAN": history(5, loss_g=4.0)})
    a, b, c, d = fig.axes
    assert a.get_ylim() == b.get_ylim() and a.get_ylim()[1] > 4 and c.get_ylim() == d.get_ylim()
    assert [ax.get_title("left") for ax in (a, b)] == ["MLP: loss", "DCGAN: loss"]
    assert not overlaps(fig)


def test_an_empty_history_is_named():
    with pytest.raises(ValueError, match="history is empty"):
        plots.losses([])
    with pytest.raises(ValueError, match="history is empty"):
        plots.compare_losses({"MLP": history(), "DCGAN": []})
    with pytest.raises(ValueError, match="runs is empty"):
        plots.compare_losses({})


# --- diagrams -----------------------------------------------------------------------------------------------


def test_the_game_shows_the_images_given():
    fig = plots.game_diagram(real=numbered(8), fake=numbered(8, channels=3).flip(0))
    shown = [np.asarray(image.get_array()) for image in fig.axes[0].images]
    levels = [int(array.flat[0]) for array in shown if array.shape[:2] == (8, 8)]
    assert levels == [0, 3, 6, 9, 12, 15, 21, 18, 15, 12, 9, 6]
    assert not overlaps(fig)


def test_the_game_without_images():
    fig = plots.game_diagram()
    words = {t.get_text() for t in fig.axes[0].texts}
    assert {"G", "D", "data", "noise z", "real images x", "fake images G(z)", "D's loss", "G's loss"} <= words
    assert not overlaps(fig)


def test_the_gradient_of_the_generator_goes_back_through_the_discriminator():
    ax = plots.game_diagram().axes[0]
    boxes = {t.get_text(): t.get_position() for t in ax.texts if t.get_text() in ("G", "D", "G's loss")}
    orange = to_rgba(plots.COLOURS["generator"])
    arrows = [a for a in ax.patches if isinstance(a, FancyArrowPatch) and a.get_edgecolor() == orange]
    ends = [tuple(getattr(arrow, "_path_original").vertices[i] for i in (0, -1)) for arrow in arrows]  # noqa: B009
    starts, heads = [start for start, _ in ends], [head for _, head in ends]
    under_d = [abs(x - boxes["D"][0]) < 0.75 and boxes["D"][1] - 1 < y < boxes["D"][1] for x, y in heads]
    out_of_d = [abs(x - boxes["D"][0]) < 0.75 and boxes["D"][1] - 1 < y < boxes["D"][1] for x, y in starts]
    assert under_d == [True, False, False]  # from G's loss into D,
    assert out_of_d == [False, True, False]  # from D to the pixels,
    assert abs(heads[2][0] - boxes["G"][0]) < 1 and starts[2][0] > heads[2][0]  # and from the pixels to G


@pytest.mark.parametrize("name", ["mlp", "dcgan", "dcgan128"])
def test_architectures_are_read_off_the_network(name):
    G, D = models.networks(name, **({} if not options_of(name) else {"width": 8}))
    for network, batch in ((G, torch.randn(1, 100)), (D, torch.zeros(1, *G.image_shape))):
        before = {key: value.clone() for key, value in network.state_dict().items()}
        network.train()
        fig = plots.architecture_diagram(network, batch)
        words = [t.get_text() for t in fig.axes[0].texts]
        total = sum(p.numel() for p in network.parameters())
        assert words[0] == f"{type(network).__name__}: {total:,} parameters"
        counts = [int(m[1].replace(",", "")) for m in map(re.compile(r"([\d,]+) parameters").fullmatch, words) if m]
        assert sum(counts) == total
        assert "×".join(str(size) for size in G.image_shape) in words
        assert ("100" if network is G else "1") in words
        assert not overlaps(fig)
        assert network.training and all(torch.equal(before[k], v) for k, v in network.state_dict().items())


def test_the_printed_dcgan_generator():
    G, _ = models.networks("dcgan")
    words = [t.get_text() for t in plots.architecture_diagram(G, torch.randn(2, 100)).axes[0].texts]
    assert words[1:5] == ["100", "256×7×7", "128×14×14", "1×28×28"]
    assert words[5:9] == ["ConvT 7×7, stride 1", "BatchNorm", "ReLU", "1,254,912 parameters"]


def test_a_plain_sequential_and_a_module_without_one():
    fig = plots.architecture_diagram(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), torch.zeros(2, 4))
    assert "Linear 4 to 3" in [t.get_text() for t in fig.axes[0].texts]
    with pytest.raises(ValueError, match=r"Linear is no nn.Sequential and holds none called net"):
        plots.architecture_diagram(nn.Linear(4, 3), torch.zeros(2, 4))


def test_figures_stay_away_from_pyplot():
    figures = [plots.losses(history()), plots.image_grid(numbered(4), 2), plots.game_diagram()]
    assert all(isinstance(fig, Figure) for fig in figures) and plt.get_fignums() == []


def test_a_label_wider_than_its_grid_goes_on_in_the_next_line():
    images = np.zeros((4, 1, 28, 28), np.uint8)
    label = "MLP, about equal time (epoch 50)"
    one, long = (plots.side_by_side({name: images, "b": images}, columns=2) for name in ("a", label))
    texts = [text.get_text() for text in long.texts]
    assert texts[0].replace("\n", " ") == label and texts[0].count("\n") >= 1 and texts[1] == "b"
    assert long.get_size_inches()[1] > one.get_size_inches()[1]
    renderer = FigureCanvasAgg(long).get_renderer()
    first, second = (text.get_window_extent(renderer) for text in long.texts)
    assert first.x1 < second.x0  # beside each other, not over each other


def test_a_heavy_picture_gets_a_palette_and_still_looks_the_same():
    rng = np.random.default_rng(0)
    steps = np.linspace(0, 255, 400)
    smooth = np.stack(np.broadcast_arrays(steps[:, None], steps[None], steps[::-1, None]), 2)
    pixels = np.clip(smooth + rng.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    light = showing._light(buffer.getvalue())
    assert len(light) < len(buffer.getvalue()) / 2 and showing._light(light[:1000]) == light[:1000]
    shown = np.asarray(Image.open(io.BytesIO(light)).convert("RGB")).astype(float)
    assert np.abs(shown - pixels).mean() < 12


def test_a_curve_that_another_one_hides_is_drawn_broad():
    rows = [dict(row, loss_d=0.0, loss_g=0.0) for row in history(6)]
    hidden, above = plots.losses(rows).axes[0].lines[:2]
    apart, _ = plots.losses(history(6)).axes[0].lines[:2]
    assert hidden.get_linewidth() > 2 * above.get_linewidth() and apart.get_linewidth() == above.get_linewidth()


def test_a_plane_has_a_dot_a_run_and_names_that_do_not_meet():
    runs = {"bicubic": [(22.0, 3.0)], "SRGAN": [(23.0, 1.0), (23.5, 1.2)], "SRResNet": [(23.1, 1.1)]}
    ax = plots.plane(runs, "PSNR", "distance", stressed=("SRGAN",)).axes[0]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    drawn = {(float(x), float(y)) for line in dots for x, y in np.asarray(line.get_xydata())}
    assert drawn == {point for points in runs.values() for point in points}
    names = {text.get_text(): text.xy for text in ax.texts if isinstance(text, Annotation)}
    assert set(names) == set(runs) and all(x > 23.5 for x, _ in names.values())
    heights = sorted(y for _, y in names.values())
    low, high = ax.get_ylim()
    assert min(b - a for a, b in pairwise(heights)) > (high - low) / 20
    grey, orange = plots.COLOURS["data"], plots.COLOURS["generator"]
    assert [line.get_color() for line in dots] == [grey, orange, grey]
    wrongs: list[dict[str, list[tuple[float, float]]]] = [{}, {"a": []}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="has no name, or one without a run"):
            plots.plane(wrong, "x", "y")
    with pytest.raises(ValueError, match="stressed has 'c', expected one of a"):
        plots.plane({"a": [(0, 0)]}, "x", "y", stressed=("c",))
