"""A report: cards of the dashboard and text of one's own in a single file that asks nothing of the network."""
