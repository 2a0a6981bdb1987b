"""How what was published is held against what the demo's generator knows."""
