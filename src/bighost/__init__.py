"""BigHOST: runs and marks student programs on real Big Data frameworks."""

__version__ = "0.1.0"
