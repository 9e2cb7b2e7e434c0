"""Looks over what the other layers say: whether reports agree, and what in them deserves a message."""
