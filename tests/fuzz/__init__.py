"""Fuzzers: a few seconds in the suite, any length by `python -m tests.fuzz.pictures`."""
