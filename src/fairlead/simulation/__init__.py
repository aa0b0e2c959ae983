"""The compiled event loop of `fairlead simulate`, from ext/fairlead/simulation."""
