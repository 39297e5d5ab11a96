"""What every pytest run from the root shares."""

from gancourse.publishing import notebook_testing


def pytest_configure(config):
    # Installing gancourse registers the same as a plugin; here it also holds for a checkout that was not installed
    notebook_testing.prepare(config)
