"""Alerts while jobs run: rules over what is known of them, told once, acknowledged for good."""
