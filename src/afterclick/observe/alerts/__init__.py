"""Numbers of reports that somebody wants to hear of: looked at, explained, remembered."""
