"""Compiled: ext/fairlead/events."""
