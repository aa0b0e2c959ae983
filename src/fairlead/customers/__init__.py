"""Compiled from ext/fairlead/customers: what is known of customers."""
