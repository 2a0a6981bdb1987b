"""Which pupil, child and employee has a working device, which lack one, and why.

The docstring of each package below says what it does and what it refuses; docs/architecture.md shows how they work together.
"""


def version() -> str:
    """The installed version. Asked for when needed: its library would double the time of `fleetsync --help`."""
    from importlib.metadata import version as installed_version

    return installed_version("fleetsync")
