"""The nouns: small typed records, no input or output."""
