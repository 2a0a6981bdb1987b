"""Demo worlds shared by all tests of this folder. Reading a world does not change it."""

import pytest

from fleetsync.demo.world import DemoWorld


@pytest.fixture(scope="session")
def staff_only():
    return DemoWorld(1)


@pytest.fixture(scope="session")
def whole():
    return DemoWorld(1, with_schools=True)
