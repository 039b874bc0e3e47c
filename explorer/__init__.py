"""The explorer: what a feature is, as pages of the book that need no server, and live."""
