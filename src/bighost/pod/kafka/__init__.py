"""What the framework `kafka` is made of: plan, broker, the programs of a run, and checks on the log."""
