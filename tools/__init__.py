"""What developers of BigHOST run on its checkout; nothing here is installed."""
