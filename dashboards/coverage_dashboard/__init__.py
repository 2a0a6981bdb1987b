"""The Grafana dashboard of fleetsync as values: queries, panels in their order, and the JSON around them.

A new panel is one entry in `coverage_panels.py` or `fleet_panels.py`. `dashboards/generate.py` writes the files.
"""
