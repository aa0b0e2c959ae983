"""The compiled load generator, from ext/fairlead/load."""
