"""One C function for a whole step."""
