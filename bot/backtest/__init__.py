"""What a ladder would have done on public history: an exact path, a fast one proven equal to it, and reports."""
