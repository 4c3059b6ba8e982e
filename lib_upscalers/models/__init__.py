"""Networks: what lies in the folders, how it is loaded, which of it is kept."""
