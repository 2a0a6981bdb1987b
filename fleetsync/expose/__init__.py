"""Shows a snapshot: metrics for Prometheus, the page, the JSON API, lists and files.

Counts nothing by itself: each number comes from one snapshot, and nothing here reads a source or the database.
"""
