"""Reports for people: one-file HTML pages with plots, and the statistics behind their numbers. Knows no routing."""
