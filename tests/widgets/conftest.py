"""Networks whose widgets are tested."""

import pytest
import torch
from driving import Colourful
from torch import nn

from gancourse import models


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    return models.networks("mlp")


@pytest.fixture(scope="module")
def G():
    """A generator whose samples differ."""
    torch.manual_seed(0)
    made = models.MLPGenerator()
    with torch.no_grad():
        for layer in made.net:
            if isinstance(layer, nn.Linear):
                layer.weight.mul_(2)
    return made


@pytest.fixture(params=["grey", "colour"])
def either(request, G):
    torch.manual_seed(0)
    return G if request.param == "grey" else Colourful()
