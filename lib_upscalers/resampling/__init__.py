"""Kernels, and the one engine that resamples pixels and latents with them."""
