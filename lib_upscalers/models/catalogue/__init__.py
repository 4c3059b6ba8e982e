"""OpenModelDB: its catalogue, safe downloads, and what is installed of it.

Nothing here fetches anything by being imported or made; a method whose docstring names the network
does.
"""
