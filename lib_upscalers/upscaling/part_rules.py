"""Find the context that parts of a picture need, so that each is enlarged as in the whole."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from lib_upscalers.errors import InputError
from lib_upscalers.resampling.kernels import KERNELS
from lib_upscalers.targets import pass_sizes
from lib_upscalers.tiling.plan import Rules

if TYPE_CHECKING:
    from lib_upscalers.geometry import Size
    from lib_upscalers.network import Network
    from lib_upscalers.tiling.policy import Job
    from lib_upscalers.upscaling.settings import Settings


def rules_of_kernel(name: str) -> Rules:
    """Return the rules for a kernel that enlarges by a whole number."""
    return Rules(halo=math.ceil(KERNELS[name].support) + 1)


def rules_of_network(
    network: Network, job: Job, settings: Settings, size: Size, target: Size
) -> Rules:
    """Return the rules for a network, at a target that is a whole number of times as large.

    Args:
        network: Nobody else may use it meanwhile; how far it looks is measured, if it is not known.
        job: Where and how it runs.
        settings: How the picture is enlarged.
        size: Of the picture.
        target: Of the result.

    Raises:
        InputError: A part can never equal the whole: the network looks at the whole picture, or a
            setting lets parts differ.
    """
    from lib_upscalers.tiling.executor import Executor
    from lib_upscalers.tiling.policy import make_rules
    from lib_upscalers.tiling.precision import dtype_ladder
    from lib_upscalers.tiling.probe import SEAM

    traits = network.traits
    if settings.padding != "none" or settings.passes != "whole":
        raise InputError(
            "Expected no padding and whole passes, so that tiles can be enlarged alone, but got "
            f"padding {settings.padding} and passes {settings.passes}: leave these settings out."
        )
    ladder = dtype_ladder(traits, network.profile, job.device, job.precision)
    rules, context = make_rules(Executor(network, job.device, ladder), replace(job, tile=None))
    reach = context.reach
    if traits.tiling == "internal" or traits.square or reach.sites or context.seam > SEAM:
        raise InputError(
            f"Expected a network that looks at the neighbourhood of a pixel alone, but "
            f"{traits.name} looks at the whole picture: choose another network, or whole frames."
        )
    passes = len(pass_sizes(size, target, traits.scale, reduced=False))
    halo = sum(math.ceil(rules.halo / traits.scale**done) for done in range(passes))
    if size.scaled(traits.scale**passes) != target:
        halo += math.ceil(KERNELS[settings.kernel].support) + 1
    return replace(rules, halo=halo)
