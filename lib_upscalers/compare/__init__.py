"""Compare the results of several upscalers for one picture; no user interface."""
