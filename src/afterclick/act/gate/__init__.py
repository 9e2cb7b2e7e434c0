"""What is asked before a message leaves: consent, suppression, hold-out, quiet hours, caps; every refusal has a reason."""
