"""Ways to start pods, behind one protocol, and the pool that keeps them warm."""
