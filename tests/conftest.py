"""What every test shares."""

import matplotlib
import pytest

matplotlib.use("agg")  # in this process only: kernels that notebooks run in keep their inline figures


@pytest.fixture(autouse=True)
def _own_style():
    """What a test does to matplotlib's settings, by `use_style` say, is gone after it: no test meets another's."""
    with matplotlib.rc_context():
        yield


@pytest.fixture(scope="module")
def one_thread():
    """torch computes in one thread as long as a module's tests run: `pytestmark = pytest.mark.usefixtures(...)`."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
