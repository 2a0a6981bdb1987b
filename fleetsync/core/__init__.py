"""What is decided: frozen values in, frozen values out.

Refuses the world: no file, network, database, clock, chance or log is imported here.
"""
