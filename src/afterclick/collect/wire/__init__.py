"""What the SDKs of others send, read into one kind of event, and what each of them wants to hear back."""
