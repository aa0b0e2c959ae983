"""The tests; a package of its own name, since one of the tools installs another `tests`."""
