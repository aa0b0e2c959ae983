"""fairlead beside what a team would build itself: the same job, the same load, the same machine, one run."""
