"""Benchmarks: `python -m benchmarks.NAME [--json]`. Each verifies the answer before it prints the time."""
