"""The `bighost status` screen: a pure function of one frozen snapshot, and what drives it on a terminal."""
