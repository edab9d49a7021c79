"""The primitives, one file per family: forward, derivative rules and what is known of both side by side."""
