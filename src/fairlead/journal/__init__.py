"""Where facts become durable, compiled from ext/fairlead/journal."""
