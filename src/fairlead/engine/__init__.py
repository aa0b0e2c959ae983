"""The router's mind, compiled from ext/fairlead/engine: integers in, facts out."""
