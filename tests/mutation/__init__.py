"""The mutation proof: single faults are put into every derivative rule of the registry, and the laws must notice each."""
