"""The version of the program, which the daemon logs and GetStatus answers."""

__version__ = "0.1.0"
