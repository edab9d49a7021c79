"""The primitives, one file per family: forward, derivative rules and C expression side by side."""
