"""The page and the JSON API over one snapshot.

Refuses to reconcile: a request reads the snapshot, or writes a decision and wakes the loop.
"""
