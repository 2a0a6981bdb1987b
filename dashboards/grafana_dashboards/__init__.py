"""The Grafana dashboards of fleetsync as values: queries, panels in their order, and the JSON around them.

`coverage_panels`, `fleet_panels`, `lifecycle_panels` and `sync_panels` have the panels: a new one is one entry there.
`dashboard` has the three dashboards. `dashboards/generate.py` writes the files.
"""
