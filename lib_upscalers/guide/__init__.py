"""Advise which upscaler to use: rules as data, the advice, the texts and pictures of the page."""
