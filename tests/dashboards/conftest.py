"""The scenario and the monitoring stack, shared by all tests: a replayed week takes half a minute."""

from collections.abc import Iterator

import pytest

from tests.dashboards.expected_alerts import expected
from tests.dashboards.monitoring_stack import MonitoringStack, running_stack
from tests.dashboards.scenario import DashboardScenario, troubled_scenario


@pytest.fixture(scope="session")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardScenario]:
    with troubled_scenario(tmp_path_factory.mktemp("exempelby")) as scenario:
        yield scenario


@pytest.fixture(scope="session")
def stack(scenario: DashboardScenario, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MonitoringStack]:
    with running_stack(tmp_path_factory.mktemp("stack"), scenario, expected(scenario)) as stack:
        yield stack
