"""Pictures in memory and in files: pixels, alpha, colour profiles, metadata, formats."""
