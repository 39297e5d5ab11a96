"""What every pytest run from the root shares."""

import os


def pytest_configure(config):
    # The kernels that nbval starts inherit this: notebooks run in their shortest form when they are tested.
    os.environ.setdefault("GANCOURSE_PROFILE", "smoke")
