"""On the person's terminal: parse, call, print."""
