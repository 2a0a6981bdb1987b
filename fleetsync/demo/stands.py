"""All stand-in servers of Exempelby together: which there are, and where they answer."""

from collections.abc import Callable, Iterator
from datetime import date

from fleetsync.demo.graph import Graph
from fleetsync.demo.municipality import Addresses
from fleetsync.demo.servers import Stand
from fleetsync.demo.world import Exempelby


class Stands:
    """The systems of one world, answering as of the day that *today* says."""

    def __init__(self, world: Exempelby, today: Callable[[], date]) -> None:
        self.graph = Graph(lambda: world.at(today()).managed_devices)

    def all(self) -> Iterator[Stand]:
        """Every server, not yet started."""
        yield self.graph.stand

    def addresses(self) -> Addresses:
        """Where they answer, for the configuration."""
        return Addresses(graph=self.graph.stand.address)
