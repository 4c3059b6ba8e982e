"""The errors that the library raises, as one tree.

::

    Exception
    +-- UpscalerError            everything that this library raises on purpose
    |   +-- InputError           the caller's picture, size, name or setting is not usable
    |   |   +-- ImageError       not a picture, damaged, or larger than the limit
    |   |   +-- TargetError      a scale or size that makes no sense
    |   |   +-- UnknownNameError a name that no registry or folder holds
    |   +-- ModelError           a network file is not usable
    |   |   +-- ModelFileError   missing, truncated, or not a network
    |   |   +-- UnsafeModelError a pickle that asks for more than tensors
    |   |   +-- UnsupportedModelError  an architecture or purpose that is not supported
    |   +-- OutputError          the result cannot be written
    |   |   +-- AlreadyExistsError   its name is taken, and must not be replaced
    |   |   +-- DiskFullError        the disk, or the user's share of it, is full
    |   +-- MemoryExhaustedError even the smallest tile on the CPU does not fit
    +-- Cancelled                the user stopped the work (not an error, so not below one)

Every text says what was expected, what came, and what to do.
"""

from __future__ import annotations


class UpscalerError(Exception):
    """Everything that this library raises on purpose, but for `Cancelled`."""


class InputError(UpscalerError, ValueError):
    """The caller's picture, size, name or setting is not usable."""


class ImageError(InputError):
    """Not a picture, a damaged one, or one that is larger than the limit."""


class TargetError(InputError):
    """A scale or size that makes no sense."""


class UnknownNameError(InputError):
    """A name that no registry or folder holds; the text suggests the nearest ones."""


class ModelError(UpscalerError):
    """A network file is not usable."""


class ModelFileError(ModelError):
    """A network file is missing, truncated, or holds no network."""


class UnsafeModelError(ModelError):
    """A pickle asks for more than tensors and plain containers."""


class UnsupportedModelError(ModelError):
    """A network of an architecture or purpose that is not supported."""


class OutputError(UpscalerError):
    """A result cannot be written where it was asked for."""


class AlreadyExistsError(OutputError):
    """A file of the result's name is there, or appeared meanwhile, and must not be replaced."""


class DiskFullError(OutputError):
    """The disk of a result, or the user's share of it, is full: later results fail alike."""


class MemoryExhaustedError(UpscalerError):
    """Even the smallest tile on the CPU does not fit into memory."""


class Cancelled(Exception):  # noqa: N818 - it is not an error, and must escape `except UpscalerError`
    """The user stopped the work."""
