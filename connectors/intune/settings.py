"""The `[[source]]` table of Intune."""

from fleetsync.pull.microsoft_graph import GraphSettings, GraphVersion


class Settings(GraphSettings):
    """Its `[[source]]` table. A secret or a certificate; of both, the certificate is used."""

    beta: bool = False
    """Read the devices by the beta version, which has lost mode; Microsoft does not support it for production."""
    enrollers: tuple[str, ...] = ()
    """Patterns of log-ins that enrol devices for others: of their devices the primary user is asked for one by one."""

    @property
    def devices_version(self) -> GraphVersion:
        """The version of Graph by which the devices are read."""
        return "beta" if self.beta else "v1.0"
