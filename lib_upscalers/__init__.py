"""Upscalers for pictures and latents, without a WebUI."""
