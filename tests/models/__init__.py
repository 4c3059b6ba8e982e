"""Tests of network files: they import spandrel, and, as the program does, no compiler with it."""

from lib_upscalers.models.architectures.no_compiler import without_compiler

with without_compiler():
    import spandrel  # noqa: F401 - the tests import it again, and have this one
