"""One Exempelby of each kind for all tests of this room: a world is a value, and nothing asked of it changes it."""

import pytest

from fleetsync.demo.world import DemoWorld


@pytest.fixture(scope="session")
def staff_only():
    return DemoWorld(1)


@pytest.fixture(scope="session")
def whole():
    return DemoWorld(1, with_schools=True)
