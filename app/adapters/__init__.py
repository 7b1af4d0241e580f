"""One file, one outside thing. Adapters know the core and their one library, never each other's callers."""
