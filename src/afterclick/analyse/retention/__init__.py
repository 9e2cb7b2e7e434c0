"""Who comes back: retention of cohorts, the life cycle of visitors, how often they come, what newcomers reach."""
