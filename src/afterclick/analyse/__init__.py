"""Questions over the events of each visitor, as folds."""
