"""What may be kept of people: masks, shortened addresses, consent, and who was erased."""
