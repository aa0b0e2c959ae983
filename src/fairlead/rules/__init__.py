"""The rule book, compiled from ext/fairlead/rules: which rule is the first that matches."""
