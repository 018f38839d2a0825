"""What travels between coordinator, nodes and clients."""
