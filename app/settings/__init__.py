"""Settings: what people choose in TOML, the environment or on the command line."""
