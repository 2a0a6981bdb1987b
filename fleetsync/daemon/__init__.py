"""The daemon, and the composition root that the commands share with it.

`composition` builds everything from a configuration, `service` is the daemon that runs on it.
"""
