"""One version everywhere."""

from importlib.metadata import version

import retroprop as rp


def test_the_package_knows_the_version_it_was_installed_as():
    assert rp.__version__ == version("retroprop")
