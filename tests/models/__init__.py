"""Tests of network files: as the program, they import spandrel without what no network uses."""

from lib_upscalers.models.architectures.lean_imports import without_unused

with without_unused():
    import spandrel  # noqa: F401 - the tests import it again, and have this one
