"""Build the user interface; the only package that imports gradio, beside the app."""
