"""All stub servers of Exempelby and their addresses."""

from collections.abc import Callable, Iterator
from datetime import date

from fleetsync.demo.configuration import StubAddresses
from fleetsync.demo.graph import GraphStub
from fleetsync.demo.jamf_pro import JamfProStub
from fleetsync.demo.jamf_school import JamfSchoolStub
from fleetsync.demo.ss12000 import Ss12000Stub
from fleetsync.demo.stub_server import StubServer
from fleetsync.demo.world import DemoWorld


class StubSystems:
    """The stub servers of one world. They answer as of the day that *today* returns."""

    def __init__(self, world: DemoWorld, today: Callable[[], date]) -> None:
        self.graph = GraphStub(lambda: world.contents_on(today()).managed_devices)
        self.jamf_pro = JamfProStub(lambda: world.contents_on(today()).jamf_pro)
        self.register = Ss12000Stub(lambda: world.contents_on(today()).register) if world.with_schools else None
        self.jamf_school = (
            JamfSchoolStub(lambda: world.contents_on(today()).jamf_school) if world.with_schools else None
        )

    def all(self) -> Iterator[StubServer]:
        """All servers. They are not started yet."""
        yield self.graph.stub_server
        yield self.jamf_pro.stub_server
        if self.register is not None:
            yield self.register.stub_server
        if self.jamf_school is not None:
            yield self.jamf_school.stub_server

    def addresses(self) -> StubAddresses:
        """The addresses for the configuration."""
        register, jamf_school = self.register, self.jamf_school
        return StubAddresses(
            self.graph.stub_server.address,
            register=None if register is None else (register.base_url, register.token_url),
            jamf_pro=self.jamf_pro.base_url,
            jamf_school=None if jamf_school is None else jamf_school.base_url,
        )
