"""Videos: enlarged piece by piece, every frame at its own timestamp."""
