"""The inside of a pod. Standard library only, and nothing else of ours: this folder travels alone."""
