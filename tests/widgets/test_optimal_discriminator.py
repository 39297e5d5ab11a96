"""The explorer of the optimal discriminator without a kernel; and how it and the playground look where nothing runs."""

from __future__ import annotations

import base64
import math
import re

import pytest
from driving import PNG

from gancourse import theory, widgets
from gancourse.theory.minimax import Normal


def test_the_explorer_shows_the_closed_forms():
    explorer = widgets.optimal_discriminator_explorer()
    before = explorer.picture.value
    explorer.mean_q.value = 0.5
    assert explorer.picture.value != before
    x = theory.grid(-12.0, 12.0, 4000)
    jsd = theory.jsd(Normal(-1.0, 0.8)(x), Normal(0.5, 1.2)(x), x).item()
    assert f"JSD = {jsd:.3f}" in explorer.status.value
    assert f"V(D*) = {2 * jsd - math.log(4):.3f}" in explorer.status.value
    explorer.mean_p.value, explorer.mean_q.value, explorer.std_p.value, explorer.std_q.value = 0.0, 0.0, 1.0, 1.0
    assert "JSD = 0.000" in explorer.status.value
    explorer.mean_q.value, explorer.std_q.value = 4.0, 2.0  # far out: V and -log 4 + 2 JSD agree there too
    p, q = explorer.data()(explorer._x), Normal(4.0, 2.0)(explorer._x)
    value = theory.value(p, q, theory.optimal_discriminator(p, q), explorer._x).item()
    assert f"V(D*) = {value:.3f}" in explorer.status.value
    explorer.mean_p.value, explorer.std_p.value, explorer.mean_q.value, explorer.std_q.value = 3.0, 0.3, -4.0, 0.3
    for shape in ("one hump", "two humps", "uniform"):  # far apart
        explorer.shape.value = shape
        assert "V(D*) = 0.000, JSD = 0.693 of" in explorer.status.value
    for shape in ("two humps", "uniform"):
        explorer.shape.value = shape
        assert shape in explorer.status.value and "nan" not in explorer.status.value


@pytest.mark.parametrize("make", [widgets.playground, widgets.optimal_discriminator_explorer])
def test_without_a_kernel_the_picture_stands_in(make):
    figure = make()
    data, metadata = figure._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(PNG)
    assert len(metadata["image/png"]["alt"]) > 40
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == figure.model_id
    assert (
        data["text/plain"] == repr(figure)
        and "\n" not in repr(figure)
        and not re.search("0x|[0-9a-f]{16}", repr(figure))
    )
