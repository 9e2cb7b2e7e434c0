"""Boards: saved lists of cards, each a question asked anew."""
