"""Describe the programs that the library runs in; the only package that may import a WebUI."""
