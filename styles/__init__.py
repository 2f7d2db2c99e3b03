"""The .tcss files of the screens."""
