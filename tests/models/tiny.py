"""Random networks, as small as their architectures allow, built with spandrel's own classes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import nn


def esrgan(**settings: object) -> nn.Module:
    from spandrel.architectures import ESRGAN

    # Before spandrel 0.4 it had the name that it has in its paper's code.
    made: Any = getattr(ESRGAN, "ESRGAN", None) or ESRGAN.RRDBNet
    defaults: dict[str, Any] = {"num_filters": 16, "num_blocks": 1, "scale": 4}
    return made(**{**defaults, **settings})


def compact(**settings: object) -> nn.Module:
    from spandrel.architectures import Compact

    made: Any = getattr(Compact, "Compact", None) or Compact.SRVGGNetCompact
    defaults: dict[str, Any] = {"num_feat": 16, "num_conv": 3, "upscale": 2}
    return made(**{**defaults, **settings})


def span() -> nn.Module:
    from spandrel.architectures.SPAN import SPAN

    return SPAN(num_in_ch=3, num_out_ch=3, feature_channels=12, upscale=2)


def dat() -> nn.Module:
    from spandrel.architectures.DAT import DAT

    return DAT(
        img_size=16, embed_dim=32, split_size=[4, 8], depth=[2], num_heads=[2], expansion_factor=2
    )


def swinir() -> nn.Module:
    from spandrel.architectures.SwinIR import SwinIR

    return SwinIR(
        img_size=16,
        embed_dim=12,
        depths=[2],
        num_heads=[2],
        window_size=8,
        mlp_ratio=2,
        upscale=2,
        upsampler="pixelshuffledirect",
    )


def hat() -> nn.Module:
    from spandrel.architectures.HAT import HAT

    return HAT(
        img_size=16,
        embed_dim=12,
        depths=[2],
        num_heads=[2],
        window_size=8,
        compress_ratio=3,
        squeeze_factor=6,
        mlp_ratio=2,
        upscale=2,
    )


def plksr() -> nn.Module:
    from spandrel.architectures.PLKSR import PLKSR

    return PLKSR(dim=16, n_blocks=2, upscaling_factor=2)


def real_plksr() -> nn.Module:
    from spandrel.architectures.PLKSR import RealPLKSR

    return RealPLKSR(dim=16, n_blocks=2, upscaling_factor=2)


def omnisr() -> nn.Module:
    from spandrel.architectures.OmniSR import OmniSR

    return OmniSR(num_feat=16, block_num=1, res_num=1, up_scale=2)


def atd() -> nn.Module:
    from spandrel.architectures.ATD import ATD

    return ATD(
        img_size=16,
        embed_dim=12,
        depths=(2,),
        num_heads=(2,),
        window_size=8,
        category_size=32,
        num_tokens=8,
        reducted_dim=4,
        upscale=2,
        upsampler="pixelshuffledirect",
    )


def rcan() -> nn.Module:
    newer = pytest.importorskip("spandrel.architectures.RCAN", reason="needs spandrel 0.4.1")
    return newer.RCAN(scale=2, n_resgroups=2, n_resblocks=2, n_feats=16, reduction=4)


def gfpgan() -> nn.Module:
    from spandrel.architectures import GFPGAN

    made: Any = getattr(GFPGAN, "GFPGAN", None) or GFPGAN.GFPGANv1Clean
    return made(
        out_size=512, num_style_feat=512, channel_multiplier=2, different_w=True, sft_half=True
    )


def lama() -> nn.Module:
    from spandrel.architectures.LaMa import LaMa

    return LaMa(in_nc=4, out_nc=3)


def espcn() -> nn.Module:
    from lib_upscalers.models.architectures.espcn import ESPCN

    return ESPCN(channels=3, wide=8, narrow=4)


def spanplus() -> nn.Module:
    from lib_upscalers.models.architectures.dysample import DynamicSampling
    from lib_upscalers.models.architectures.spanplus import SPANPlus

    return SPANPlus(3, 8, [1], DynamicSampling(8, 3, 2))


def spanf3() -> nn.Module:
    from lib_upscalers.models.architectures.spanf3 import SPANF3

    return SPANF3(3, 3, features=8, blocks=2, enlarges=4, unshuffle=2)


def spanf() -> nn.Module:
    from lib_upscalers.models.architectures.spanf import SPANF

    return SPANF(3, features=8, blocks=3, scale=2)


def rtmosr() -> nn.Module:
    from lib_upscalers.models.architectures.rtmosr import RTMoSR

    return RTMoSR(features=8, hidden=12, blocks=1)


def artcnn() -> nn.Module:
    from lib_upscalers.models.architectures.artcnn import ArtCNN

    return ArtCNN(3, features=8, blocks=2)


def dis() -> nn.Module:
    from lib_upscalers.models.architectures.dis import DIS

    return DIS(features=8, blocks=2, scale=4)


def upconv7() -> nn.Module:
    from lib_upscalers.models.architectures.upconv7 import UpConv7

    return UpConv7(widths=(4, 4, 8, 8, 8, 8))


def cunet() -> nn.Module:
    from lib_upscalers.models.architectures.cunet import CUNet

    return CUNet()


def gaterv3() -> nn.Module:
    from lib_upscalers.models.architectures.enlargement import make_enlargement
    from lib_upscalers.models.architectures.gaterv3 import GateRV3

    last = make_enlargement("pixelshuffle", 2, 8, middle=6)
    return GateRV3(last, features=8, down=(1, 1), up=(1, 1), mixes=(None,), span=1)


def esc() -> nn.Module:
    from lib_upscalers.models.architectures.esc import ESC, Sizes

    sizes = Sizes(features=8, large=4, kernel=5, blocks=2, inner=1, window=8, heads=2, before=16)
    # Its filter and its biases begin at 0 here, as files have others.
    return randomised(ESC(sizes, 2))


def figsr() -> nn.Module:
    from lib_upscalers.models.architectures.enlargement import make_enlargement
    from lib_upscalers.models.architectures.figsr import FIGSR

    last = make_enlargement("pixelshuffledirect", 2, 8)
    return FIGSR(last, features=8, hidden=16, blocks=(1, 1), narrow=2, square=5, band=7)


def randomised(network: nn.Module) -> nn.Module:
    """Return a network after what it learns has been changed a little, at random."""
    with torch.no_grad():
        for weights in network.parameters():
            if weights.requires_grad:
                weights.add_(torch.randn_like(weights), alpha=0.05)
    return network


TINY: Mapping[str, Callable[[], nn.Module]] = {
    "ATD": atd,
    "ArtCNN": artcnn,
    "CUNet": cunet,
    "Compact": compact,
    "DAT": dat,
    "DIS": dis,
    "ESC": esc,
    "ESPCN": espcn,
    "ESRGAN": esrgan,
    "FIGSR": figsr,
    "GateRV3": gaterv3,
    "HAT": hat,
    "OmniSR": omnisr,
    "PLKSR": plksr,
    "RCAN": rcan,
    "RTMoSR": rtmosr,
    "RealPLKSR": real_plksr,
    "SPAN": span,
    "SPANF": spanf,
    "SPANF3": spanf3,
    "SPANPlus": spanplus,
    "SwinIR": swinir,
    "UpConv7": upconv7,
}


def random_network(name: str) -> nn.Module:
    """Return the tiny network of that name with random weights, the same ones each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(20260101)
        return TINY[name]().eval()


def new_layout(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Name the weights of an ESRGAN as Real-ESRGAN does; spandrel names them as ESRGAN did."""
    last = max(int(name.split(".")[1]) for name in state)
    blocks = max(int(name.split(".")[3]) for name in state if name.startswith("model.1."))
    numbered = {
        "model.0.": "conv_first.",
        f"model.1.sub.{blocks}.": "conv_body.",
        f"model.{last - 2}.": "conv_hr.",
        f"model.{last}.": "conv_last.",
    }
    numbered |= {f"model.{i}.": f"conv_up{i // 3}." for i in range(3, last - 2, 3)}

    def renamed(name: str) -> str:
        dense = re.fullmatch(r"model\.1\.sub\.(\d+)\.RDB(\d)\.(conv\d)\.0\.(.+)", name)
        if dense:
            return "body.{}.rdb{}.{}.{}".format(*dense.groups())
        old = next(old for old in numbered if name.startswith(old))
        return numbered[old] + name[len(old) :]

    return {renamed(name): tensor for name, tensor in state.items()}


def save(state: Mapping[str, object], path: Path, *, legacy: bool = False) -> Path:
    """Save names and tensors in the format that the ending asks for."""
    if path.suffix == ".safetensors":
        from safetensors.torch import save_file

        tensors = {name: t.contiguous() for name, t in state.items() if torch.is_tensor(t)}
        save_file(tensors, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    return path
