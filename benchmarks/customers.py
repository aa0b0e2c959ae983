"""An import of customers through the daemon, as `fairlead customers import` does it, and what one takes in memory.

The file has a tier, a value, an own agent, a language and two attributes for each customer. Included: reading and
checking the file twice, messages, HTTP/2, storing. `bytes_each` is what the store holds, without the bytes of the ids.

Verified: the counts of the answer, and a sample of customers read back through the daemon.
"""

import contextlib
import csv
import io
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import grpc

from fairlead import cli
from fairlead.demo.server import DaemonProcess
from fairlead.shard.core import Shard
from fairlead.v1 import customer_service_pb2 as pb
from fairlead.v1.customer_service_pb2_grpc import CustomerServiceStub

COUNT = 1_000_000
SAMPLE = 200
BATCH = 10_000
HEADER = ("id", "tier", "value", "own_agent", "language", "attribute.segment", "attribute.region")


def row(number: int) -> tuple[str, ...]:
    """The customer of a number; the same one every time."""
    rng = random.Random(number)
    return (
        f"customer-{number:08}",
        rng.choice(("", "silver", "gold")),
        str(rng.randrange(100_000)),
        rng.choice(("", "", "", f"agent-{rng.randrange(500)}")),
        rng.choice(("en", "de", "fr")),
        rng.choice(("shop", "partner")),
        f"region-{rng.randrange(40)}",
    )


def message(entry: tuple[str, ...]) -> pb.Customer:
    """A line of the file as the contract has it."""
    attributes = {"segment": entry[5], "region": entry[6]}
    return pb.Customer(
        id=entry[0], tier=entry[1], value=int(entry[2]), own_agent=entry[3], language=entry[4], attributes=attributes
    )


def customers(count: int = COUNT) -> dict[str, Any]:
    """Count, seconds of the import, and bytes of each customer in the store. Raises SystemExit for a wrong answer."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "customers.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            writer.writerows(map(row, range(count)))
        seconds = import_seconds(path, count)
    return {"count": count, "seconds": seconds, "bytes_each": round(bytes_each(count), 1)}


def import_seconds(path: Path, count: int) -> float:
    """How long the command took, by its own word."""
    daemon = DaemonProcess()
    try:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = cli.main(["customers", "import", str(path), "--address", daemon.address, "--json"])
        answer = json.loads(said.getvalue())
        if code or answer["created_count"] != count:
            raise SystemExit(f"the import answered {answer}; {count} customers were in the file")
        with grpc.insecure_channel(daemon.address) as channel:
            service = CustomerServiceStub(channel)
            for number in random.Random(1).sample(range(count), min(count, SAMPLE)):
                entry = row(number)
                found = service.GetCustomer(pb.GetCustomerRequest(customer_id=entry[0]), timeout=10).customer
                if found != message(entry):
                    raise SystemExit(f"customer {entry[0]} came back as {found}")
        return float(answer["seconds"])
    finally:
        daemon.stop()


def bytes_each(count: int) -> float:
    """Bytes of the store for each customer without those of its id."""
    shard, ids = Shard(), 0
    for begin in range(0, count, BATCH):
        entries = [row(number) for number in range(begin, min(begin + BATCH, count))]
        ids += sum(len(entry[0]) for entry in entries)
        shard.import_customers("bench", pb.ImportCustomersRequest(customers=map(message, entries)).SerializeToString())
    if shard.check("bench"):
        raise SystemExit(f"the store is wrong: {shard.check('bench')}")
    return (shard.memory("bench")["customers"] - ids) / count
