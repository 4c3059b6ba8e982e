"""The errors that the library raises, as one tree.

::

    Exception
    +-- UpscalerError            everything that this library raises on purpose
    |   +-- InputError           the caller's picture, size, name or setting is not usable
    |   |   +-- ImageError       not a picture, of a kind that is not read, or over the limit
    |   |   |   +-- DamagedImageError  a picture that is damaged or cut short
    |   |   +-- ReportFileError  no report or stored session that can be opened
    |   |   +-- TargetError      a scale or size that makes no sense
    |   |   +-- UnknownNameError a name that no registry or folder holds
    |   +-- ModelError           a network file is not usable
    |   |   +-- ModelFileError   missing, truncated, or not a network
    |   |   +-- UnsafeModelError a pickle that asks for more than tensors
    |   |   +-- UnsupportedModelError  an architecture or purpose that is not supported
    |   |   +-- WrongHashError   a file is not the one that its SHA-256 names
    |   +-- OutputError          the result cannot be written
    |   |   +-- AlreadyExistsError   its name is taken, and must not be replaced
    |   |   +-- BusyFileError        another run writes it at the moment
    |   |   +-- DiskFullError        the disk, or the user's share of it, is full
    |   +-- FetchError           something cannot be had from the internet
    |   |   +-- UnsafeAddressError   an address that is not https, or in a private network
    |   |   +-- DownloadError        a server does not answer, or gives something else
    |   |   +-- CatalogueError       there is no catalogue, or none that can be read
    |   +-- WorkerLostError      a process or machine that did a part of the work has ended
    |   +-- MemoryExhaustedError even the smallest tile on the CPU does not fit
    +-- Cancelled                the user stopped the work (not an error, so not below one)

Every text states what was expected, what the value is, and what to do.
"""

from __future__ import annotations

REPORT_HINT = (
    "For a bug report, paste what “Doctor” at the foot of the page or tab Upscaler Lab shows, or "
    "the command `upscalers doctor`."
)
"""The line that follows an error in the log."""


class UpscalerError(Exception):
    """Everything that this library raises on purpose, except `Cancelled`."""


class InputError(UpscalerError, ValueError):
    """The caller's picture, size, name or setting is not usable."""


class ImageError(InputError):
    """Not a picture, one of a kind that is not read, or one that is larger than the limit."""


class DamagedImageError(ImageError):
    """A picture that is damaged or cut short; a part of it may be readable."""


class ReportFileError(InputError):
    """No report or stored session that can be opened: missing, damaged, or figures alone."""


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


class WrongHashError(ModelError):
    """A file is not the one that its SHA-256 names; the text has both.

    Attributes:
        expected: What the file should hash to.
        found: What it hashes to.
    """

    def __init__(self, text: str, expected: str, found: str) -> None:
        super().__init__(text)
        self.expected = expected
        self.found = found


class OutputError(UpscalerError):
    """A result cannot be written where it was asked for."""


class AlreadyExistsError(OutputError):
    """A file of the result's name exists, or appeared meanwhile, and must not be replaced."""


class DiskFullError(OutputError):
    """The disk of a result, or the user's share of it, is full: later results fail alike."""


class BusyFileError(OutputError):
    """Another run writes this file at the moment."""


class FetchError(UpscalerError):
    """Something cannot be had from the internet."""


class UnsafeAddressError(FetchError):
    """An address that is not https, or that leads into a private network."""


class DownloadError(FetchError):
    """A server does not answer, or gave something else than the file."""


class CatalogueError(FetchError):
    """There is no catalogue, or none that can be read."""


class WorkerLostError(UpscalerError):
    """A process or machine that did a part of the work has ended, such as for lack of memory."""


class MemoryExhaustedError(UpscalerError):
    """Even the smallest tile on the CPU does not fit into memory."""


class Cancelled(Exception):  # noqa: N818 - it is not an error, and must escape `except UpscalerError`
    """The user stopped the work."""
