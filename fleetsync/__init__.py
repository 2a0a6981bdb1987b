"""Which pupil, child and employee has a working device, which lack one, and why.

The house is described room by room in the docstring of each package below.
"""


def version() -> str:
    """The installed version. Asked for when needed: its library would double the time of `fleetsync --help`."""
    from importlib.metadata import version as installed_version

    return installed_version("fleetsync")
