"""BigHOST: runs and marks student programs on real Big Data frameworks."""
