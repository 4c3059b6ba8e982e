"""Public test pictures that a person has beside the project: `python -m tests.corpus.pictures`."""
