"""Short words for histories that are written down, command by command."""

from fairlead.policy.tables import ChannelTable, PolicyTables, QueueTable
from tests.oracle.model import SECOND, Presence
from tests.property.driver import Command, command

CHAT_AND_CALL = (ChannelTable("chat"), ChannelTable("call", 3))


def policy(*queues: QueueTable, **settings: object) -> Command:
    tables = PolicyTables(queues=queues or (QueueTable("q"),), default_queue="q", **settings)  # type: ignore[arg-type]
    return command("install_policy", tables)


def calls_policy(max_calls: int = 0) -> Command:
    """Chats of one unit, calls of three, an agent reserved after 15 s."""
    channels = (CHAT_AND_CALL[0], ChannelTable("call", 3, max_calls))
    return policy(channels=channels, reserve_after_us=15 * SECOND)


def agent(name: str, **settings: object) -> Command:
    return command("create_agent", name, **{"presence": Presence.ONLINE.value, **settings})


def job(name: str, **settings: object) -> Command:
    return command("assign", name, **settings)


def at(seconds: float) -> Command:
    return command("advance_to", int(seconds * SECOND))


def presence(name: str, wanted: Presence) -> Command:
    return command("set_presence", name, wanted.value)
