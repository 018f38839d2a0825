"""The vocabulary everybody shares: pure values and rules, no I/O, no clock."""
