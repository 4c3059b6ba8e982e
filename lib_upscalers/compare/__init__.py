"""Comparing what several upscalers make of one picture; knows no user interface."""
