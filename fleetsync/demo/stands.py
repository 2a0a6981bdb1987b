"""All stand-in servers of Exempelby together: which there are, and where they answer."""

from collections.abc import Callable, Iterator
from datetime import date

from fleetsync.demo.graph import Graph
from fleetsync.demo.municipality import Addresses
from fleetsync.demo.servers import Stand
from fleetsync.demo.ss12000 import SchoolRegister
from fleetsync.demo.world import Exempelby


class Stands:
    """The systems of one world, answering as of the day that *today* says."""

    def __init__(self, world: Exempelby, today: Callable[[], date]) -> None:
        self.graph = Graph(lambda: world.at(today()).managed_devices)
        self.register = SchoolRegister(lambda: world.at(today()).register) if world.with_schools else None

    def all(self) -> Iterator[Stand]:
        """Every server, not yet started."""
        yield self.graph.stand
        if self.register is not None:
            yield self.register.stand

    def addresses(self) -> Addresses:
        """Where they answer, for the configuration."""
        register = self.register
        return Addresses(
            self.graph.stand.address, None if register is None else (register.base_url, register.token_url)
        )
