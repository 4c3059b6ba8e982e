"""Describe the network in a file without torch, by the architectures' own code.

Importing torch takes seconds, so a list of networks that are not in `known_layouts` gets their
traits from a process in which a stand-in for torch makes layers of shapes alone.
"""
