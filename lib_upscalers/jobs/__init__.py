"""Many pictures: folders with a journal, pipelines, animations."""
