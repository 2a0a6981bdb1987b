"""The composition root: `house.py` builds everything once, `service.py` is the daemon that runs on it."""
