"""What came of automations, read from the events that their messages left behind."""
