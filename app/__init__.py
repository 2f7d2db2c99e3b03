"""What the program knows and does; only tui.py imports Textual."""
