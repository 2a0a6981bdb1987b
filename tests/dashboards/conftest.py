"""One scene and one chain for all that is asked of them: a week of the whole municipality costs half a minute."""

from collections.abc import Iterator

import pytest

from tests.dashboards.chain import Chain, chained
from tests.dashboards.expected import expected
from tests.dashboards.scene import Scene, troubled


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with troubled(tmp_path_factory.mktemp("exempelby")) as town:
        yield town


@pytest.fixture(scope="session")
def chain(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with chained(tmp_path_factory.mktemp("chain"), scene, expected(scene)) as made:
        yield made
