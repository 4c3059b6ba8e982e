"""Encode a piece: one stream, the colours tagged, the frames in their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from lib_upscalers.errors import InputError, OutputError, UnknownNameError
from lib_upscalers.video.colour import FULL, LIMITED, from_rgb, full_chroma_format
from lib_upscalers.video.pyav import load_av

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from numpy.typing import NDArray
    from typing_extensions import Self

    from lib_upscalers.geometry import Size
    from lib_upscalers.video.video_facts import VideoFacts

    Array = NDArray[Any]

_DEFAULT_RATE = Fraction(24)
_MILLI: Final = Fraction(1, 1000)
# No encoder delays a packet by so many others.
_MOST_DELAY = 128
# With its AVX-512 code x264 encodes the same frames of some sizes (720 x 400, say) differently from
# run to run, so that a video that went on would not equal one that was not interrupted.
_X264_REPEATABLE: Final = {"x264-params": "asm=MMX2,SSE2Fast,LZCNT,SSSE3,SSE4.2,AVX,FMA3,BMI2,AVX2"}


@dataclass(frozen=True)
class VideoCodec:
    """A way to encode.

    Attributes:
        name: As the user writes it.
        encoder: FFmpeg's name.
        quality: The default CRF; None if it has none.
        most_quality: The largest CRF.
        bits: The depths that it can hold.
        chroma: The samplings that it can hold, of "420", "422", "444".
        containers: FFmpeg's names of the containers that hold it.
        options: For the encoder.
        states_aspect: Whether its own stream states the shape of pixels.
    """

    name: str
    encoder: str
    quality: int | None
    most_quality: int
    bits: tuple[int, ...]
    chroma: tuple[str, ...]
    containers: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    states_aspect: bool = False

    def pixel_format(self, facts: VideoFacts) -> str:
        """Return the format nearest to the source's: no fewer bits and no less chroma, if it can.

        Codecs list both from the least to the most.
        """
        across, down = facts.chroma
        sampling = "444" if across == 1 else "422" if down == 1 else "420"
        chroma = next((each for each in self.chroma if each >= sampling), self.chroma[-1])
        bits = next((each for each in self.bits if each >= facts.bits), self.bits[-1])
        return f"yuv{chroma}p{f'{bits}le' if bits > 8 else ''}"


CODECS: Final[Mapping[str, VideoCodec]] = {
    codec.name: codec
    for codec in (
        VideoCodec(
            "h264",
            "libx264",
            16,
            51,
            (8, 10),
            ("420", "422", "444"),
            ("matroska", "mp4", "mov"),
            {"preset": "medium"},
            states_aspect=True,
        ),
        VideoCodec(
            "hevc",
            "libx265",
            18,
            51,
            (8, 10, 12),
            ("420", "422", "444"),
            ("matroska", "mp4", "mov"),
            {"preset": "medium", "x265-params": "open-gop=0:log-level=none"},
            states_aspect=True,
        ),
        VideoCodec(
            "av1",
            "libsvtav1",
            22,
            63,
            (8, 10),
            ("420",),
            ("matroska", "mp4", "webm"),
            {"preset": "6"},
        ),
        VideoCodec(
            "ffv1",
            "ffv1",
            None,
            0,
            (8, 10, 12, 16),
            ("420", "422", "444"),
            ("matroska", "mp4"),
            {"level": "3", "slicecrc": "1"},
        ),
        VideoCodec("prores", "prores_ks", None, 0, (10,), ("422", "444"), ("matroska", "mov")),
    )
}


@dataclass(frozen=True)
class Encoding:
    """How a result is encoded.

    Attributes:
        codec: With what.
        crf: The constant rate factor, smaller is better; None: the codec's default.
    """

    codec: VideoCodec
    crf: int | None = None

    @classmethod
    def named(cls, name: str, crf: int | None = None) -> Encoding:
        """Return the encoding of a name.

        Raises:
            UnknownNameError: There is none.
            InputError: The codec has no such quality.
        """
        codec = CODECS.get(name)
        if codec is None:
            raise UnknownNameError(f"Expected a codec of {sorted(CODECS)}, but got {name!r}.")
        if crf is not None and codec.quality is None:
            raise InputError(f"Expected no --crf for {name}, which has no such quality.")
        if crf is not None and not 0 <= crf <= codec.most_quality:
            raise InputError(
                f"Expected a --crf from 0 to {codec.most_quality} for {name}, but got {crf}."
            )
        return cls(codec, crf)

    @property
    def quality(self) -> int | None:
        """The CRF that is used."""
        return self.crf if self.crf is not None else self.codec.quality

    def check_size(self, size: Size, facts: VideoFacts) -> None:
        """Refuse a size that the codec cannot hold.

        Raises:
            InputError: A side is odd, and chroma has half of it.
        """
        step_x, step_y = _steps(self.codec.pixel_format(facts))
        if size.width % step_x or size.height % step_y:
            raise InputError(
                f"Expected an even width and height for {self.codec.name}, whose colours have half "
                f"the resolution, but got {size}: choose another size."
            )

    def check_container(self, form: str, facts: VideoFacts) -> None:
        """Refuse a container that does not hold what the result has.

        Args:
            form: FFmpeg's name of it.
            facts: Of the source.

        Raises:
            InputError: It does not hold the codec; or pixels are not square, and neither of both
                states that.
        """
        codec = self.codec
        if form not in codec.containers:
            raise InputError(
                f"Expected a container that holds {codec.name}, but {form} does not: choose "
                "another --codec, or .mkv."
            )
        if facts.aspect != 1 and form in ("matroska", "webm") and not codec.states_aspect:
            raise InputError(
                f"Expected square pixels for {codec.name} in {form}, which states no others here, "
                f"but those of {facts.path} are {float(facts.aspect):.3g} times as wide as high: "
                "choose --codec h264 or hevc, or a name that ends in .mp4 or .mov."
            )

    def options(self) -> dict[str, str]:
        """Return the encoder's options."""
        quality = {} if self.quality is None else {"crf": str(self.quality)}
        repeatable = _X264_REPEATABLE if self.codec.encoder == "libx264" and _has_avx512() else {}
        return {**self.codec.options, **quality, **repeatable}


def _has_avx512() -> bool:
    from torch.backends import cpu

    return cpu.get_cpu_capability() == "AVX512"


def _steps(pixel_format: str) -> tuple[int, int]:
    return (1 if "444" in pixel_format else 2), (2 if "420" in pixel_format else 1)


def even_size(size: Size, facts: VideoFacts, encoding: Encoding) -> Size:
    """Return the nearest size that the codec can hold."""
    from lib_upscalers.geometry import Size as Sides

    step_x, step_y = _steps(encoding.codec.pixel_format(facts))
    width, height = (
        max(step, round(side / step) * step)
        for side, step in ((size.width, step_x), (size.height, step_y))
    )
    return Sides(width, height)


class PieceWriter:
    """Writes one piece as MKV.

    Args:
        file: Takes its bytes.
        facts: Of the source.
        size: Of the frames.
        encoding: How.

    Raises:
        OutputError: The encoder refuses.
    """

    def __init__(self, file: BinaryIO, facts: VideoFacts, size: Size, encoding: Encoding) -> None:
        self._av = load_av()
        self._facts = facts
        self._size = size
        self._encoding = encoding
        self._container: Any = self._av.open(file, "w", format="matroska")
        self._container.flags |= self._av.container.Flags.bitexact.value
        try:
            self._stream = self._new_stream()
        except BaseException:
            self._container.close()
            raise
        self._bits = _bits_of(self._stream.pix_fmt)
        self._places: dict[int, int] = {}
        self._packets = 0
        self.count = 0
        """How many frames were written so far."""

    def _new_stream(self) -> Any:
        codec, facts = self._encoding.codec, self._facts
        try:
            stream = self._container.add_stream(
                codec.encoder, rate=facts.rate or _DEFAULT_RATE, options=self._encoding.options()
            )
        except (ValueError, self._av.FFmpegError) as error:
            raise OutputError(
                f"Expected FFmpeg's encoder {codec.encoder}, but this build of av has none: choose "
                "another --codec."
            ) from error
        context = stream.codec_context
        stream.width, stream.height = self._size.width, self._size.height
        stream.pix_fmt = codec.pixel_format(facts)
        context.time_base = stream.time_base = facts.time_base
        context.sample_aspect_ratio = facts.aspect
        context.color_range = FULL if facts.colour.full else LIMITED
        context.colorspace = facts.colour.matrix
        context.color_primaries = facts.colour.primaries
        context.color_trc = facts.colour.transfer
        return stream

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file; after an exception it is not worth anything."""
        try:
            if kind is None:
                self._mux(None)
        finally:
            self._container.close()

    def planes(self, pixels: Array) -> Array:
        """Return an RGB picture, (H, W, 3), as the planes that `write` takes."""
        return from_rgb(pixels, self._bits, self._facts.colour)

    def write(self, planes: Array, stamp: int) -> None:
        """Write a frame; timestamps have to ascend."""
        frame = self._frame(planes)
        frame.pts, frame.time_base = stamp, self._facts.time_base
        self._places[stamp] = self.count
        self.count += 1
        self._mux(frame)

    def _frame(self, planes: Array) -> Any:
        full = self._facts.colour.full
        name = full_chroma_format(self._bits, full=full)
        frame = self._av.VideoFrame(planes.shape[2], planes.shape[1], name)
        for plane, values in zip(frame.planes, planes, strict=True):
            rows = np.zeros((values.shape[0], plane.line_size // values.itemsize), values.dtype)
            rows[:, : values.shape[1]] = values
            plane.update(rows)
        frame_range = FULL if full else LIMITED
        made = frame.reformat(
            format=self._stream.pix_fmt,
            src_color_range=frame_range,
            dst_color_range=frame_range,
            interpolation="BICUBIC",
        )
        colour = self._facts.colour
        made.color_range, made.colorspace = frame_range, colour.matrix
        made.color_primaries, made.color_trc = colour.primaries, colour.transfer
        return made

    def _mux(self, frame: Any) -> None:
        try:
            for packet in self._stream.encode(frame):
                # MKV counts in milliseconds, and frames may follow one another faster: the piece
                # has their order, and the result gets their timestamps from the source.
                packet.pts = self._places.pop(packet.pts)
                packet.dts = self._packets - _MOST_DELAY
                packet.time_base, packet.duration = _MILLI, 1
                self._packets += 1
                self._container.mux(packet)
        except self._av.FFmpegError as error:
            if isinstance(error, OSError) and error.errno:
                raise OSError(error.errno, error.strerror) from error
            raise OutputError(
                f"Expected to encode a frame, but {self._encoding.codec.encoder} refuses "
                f"({error.strerror}): choose another --codec or size."
            ) from error


def _bits_of(pixel_format: str) -> int:
    digits = pixel_format.partition("p")[2].removesuffix("le")
    return int(digits) if digits else 8
