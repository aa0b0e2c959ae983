"""Profiles of customers as the shard shows them."""

class CustomerView:
    """A profile at the moment of the call."""

    id: str
    tier: str
    value: int
    attributes: dict[str, str]
    own_agent: str
    language: str

PROBLEMS: tuple[tuple[str, str], ...]
