"""Protobuf bytes of the hot messages to plain structs and back. Built from ext/fairlead/codec/."""
