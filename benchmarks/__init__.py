"""Measure what the documents claim."""
