"""What every test shares."""

import matplotlib
import pytest

matplotlib.use("agg")  # in this process only: kernels that notebooks run in keep their inline figures


@pytest.fixture(scope="module")
def one_thread():
    """torch computes in one thread as long as a module's tests run: `pytestmark = pytest.mark.usefixtures(...)`."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
