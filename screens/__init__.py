"""Widgets put together, one task of the person a screen."""
