"""How fast tidewire is, beside bare readers of the same bytes: ``python benchmarks/run.py``."""
