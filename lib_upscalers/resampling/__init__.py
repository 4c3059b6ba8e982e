"""Resample pixels and latents with kernels, by one engine."""
