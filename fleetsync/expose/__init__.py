"""What people and Prometheus see of a snapshot: metrics, page, reports, letters.

Refuses to count: each number comes from one snapshot, and nothing here reads a source or a table.
"""
