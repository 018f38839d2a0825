"""On each evaluator: joins, asks for work by credit, keeps warm pods, hands in results."""
