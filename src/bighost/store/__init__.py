"""What the coordinator remembers."""
