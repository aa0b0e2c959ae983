"""Structures that know nothing of routing. Built from ext/fairlead/base/."""
