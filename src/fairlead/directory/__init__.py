"""Names to slots and back, compiled from ext/fairlead/directory: strings stop here."""
