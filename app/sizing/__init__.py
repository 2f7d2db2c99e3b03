"""What to ask for next, learned from what earlier runs of the same work used."""
