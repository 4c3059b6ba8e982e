"""The use case: choose an upscaler, and enlarge a picture with it to an exact size."""
