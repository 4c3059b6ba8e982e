"""Move a network between devices and precisions without loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch.nn import Module


class ExactWeights:
    """The weights of a network in fp32; a lower precision is always rounded from these.

    Args:
        module: The network, in fp32.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._copies: dict[str, torch.Tensor] = {}
        self._plain: list[tuple[Module, str, torch.Tensor]] | None = None

    @property
    def size_bytes(self) -> int:
        """How much memory the weights take, on the device and beside it."""
        tensors = [*(tensor for _, tensor in _named_tensors(self._module)), *self._copies.values()]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def move(self, device: torch.device, dtype: torch.dtype, *, channels_last: bool) -> None:
        """Bring the network to a device, dtype and memory layout, rounded once at most.

        If that fails, the next call repairs a partial move.

        Raises:
            RuntimeError: Torch cannot; among other reasons because memory is out.
        """
        import torch

        if self._plain is None:
            # Many networks store their training data's mean so, and replace it by a copy in the
            # precision of their input.
            self._plain = list(_plain_tensors(self._module))
        with torch.inference_mode(mode=False), torch.no_grad():
            if dtype != torch.float32 and not self._copies:
                self._copies = {
                    name: tensor.to("cpu", copy=True)
                    for name, tensor in _named_tensors(self._module)
                    if tensor.is_floating_point()
                }
            self._module.to(device, dtype)
            for name, tensor in _named_tensors(self._module):
                if name in self._copies:
                    tensor.copy_(self._copies[name])
            for layer, name, tensor in self._plain:
                setattr(layer, name, tensor)
            if dtype == torch.float32:
                self._copies = {}
            _set_memory_format(self._module, channels_last=channels_last)


def _named_tensors(module: Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield all that `Module.to` moves; a state dict lacks the buffers that are not saved."""
    yield from module.named_parameters()
    yield from module.named_buffers()


def _plain_tensors(module: Module) -> Iterator[tuple[Module, str, torch.Tensor]]:
    import torch

    for layer in module.modules():
        for name, value in vars(layer).items():
            if isinstance(value, torch.Tensor):
                yield layer, name, value


def _set_memory_format(module: Module, *, channels_last: bool) -> None:
    """Change the memory format of convolutions only; other layers may depend on theirs."""
    import torch
    from torch import nn

    layout = torch.channels_last if channels_last else torch.contiguous_format
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            weight: Any = layer.weight
            weight.data = weight.data.contiguous(memory_format=layout)
