"""The code that talks to a site."""
