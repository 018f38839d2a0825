"""The one process that takes submissions, hands them out and marks what comes back."""
