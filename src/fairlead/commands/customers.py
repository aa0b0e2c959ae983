"""`fairlead customers`: import, get, set, delete what is known of customers."""

import argparse
import csv
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import grpc

from fairlead.commands import values
from fairlead.commands.client import Client, add_client_options, failure_of, plain, print_json
from fairlead.commands.table import table
from fairlead.errors import error
from fairlead.problems import Problems
from fairlead.v1 import customer_service_pb2 as pb

FIELDS = ("id", "tier", "value", "own_agent", "language")
ATTRIBUTE = "attribute."
MAX_ATTRIBUTES = 4
MAX_VALUE = 10**12
NAME_SIZE = 128
BATCH = 10_000
# Of one message; the daemon takes 4 MiB unless told otherwise.
BATCH_BYTES = 2_000_000
# Wrong lines that are told before the import gives up reading.
MAX_WRONG_LINES = 20
BAR_WIDTH = 30
BAR_SECONDS = 0.2
IMPORT_TIMEOUT_S = 3_600


def register(commands: Any) -> None:
    """Adds the commands to the parser."""
    text = "what is known of customers: tier, value, attributes, own agent"
    parser = commands.add_parser("customers", help=text, description=text, allow_abbrev=False)
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    importing = _command(kinds, "import", import_file, "add or replace many from a CSV file")
    importing.add_argument(
        "file", metavar="FILE.csv", type=Path, help="columns id, tier, value, own_agent, language, attribute.NAME"
    )
    for name, run, what in (
        ("get", get, "show one"),
        ("set", put, "add or replace one"),
        ("delete", delete, "forget one"),
    ):
        one = _command(kinds, name, run, what)
        one.add_argument("customer_id", metavar="ID", help="customer id")
        if name == "set":
            one.add_argument("--tier", default="", help="tier of the policy")
            one.add_argument("--value", type=int, default=0, help="what the customer is worth")
            one.add_argument("--own-agent", default="", metavar="AGENT", help="who always comes first")
            one.add_argument("--language", default="", help="BCP 47 tag")
            one.add_argument(
                "--attribute", dest="attributes", action="append", default=[], type=values.label, metavar="KEY=VALUE"
            )


def _command(kinds: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(name, help=text, description=text, allow_abbrev=False)
    add_client_options(parser)
    parser.set_defaults(run=run, parser=parser)
    return parser


def get(namespace: argparse.Namespace) -> int:
    """Shows one profile."""
    with Client.of(namespace) as client:
        answer = client.call(client.customers.GetCustomer, pb.GetCustomerRequest(customer_id=namespace.customer_id))
    _show(namespace, answer.customer)
    return 0


def put(namespace: argparse.Namespace) -> int:
    """Adds or replaces one profile."""
    customer = pb.Customer(
        id=namespace.customer_id,
        tier=namespace.tier,
        value=namespace.value,
        attributes=dict(namespace.attributes),
        own_agent=namespace.own_agent,
        language=namespace.language,
    )
    with Client.of(namespace) as client:
        answer = client.call(client.customers.UpsertCustomer, pb.UpsertCustomerRequest(customer=customer))
    if namespace.json:
        print_json({"customer": _plain(answer.customer), "created": answer.created})
    else:
        print(f"{customer.id} {'added' if answer.created else 'replaced'}")
    return 0


def delete(namespace: argparse.Namespace) -> int:
    """Forgets one profile."""
    with Client.of(namespace) as client:
        client.call(client.customers.DeleteCustomer, pb.DeleteCustomerRequest(customer_id=namespace.customer_id))
    if namespace.json:
        print_json({"customer_id": namespace.customer_id})
    else:
        print(f"{namespace.customer_id} deleted")
    return 0


def _plain(customer: pb.Customer) -> dict[str, object]:
    fields = {field: getattr(customer, field) for field in FIELDS}
    return {**fields, "attributes": dict(sorted(customer.attributes.items()))}


def _show(namespace: argparse.Namespace, customer: pb.Customer) -> None:
    if namespace.json:
        print_json(_plain(customer))
        return
    attributes = ", ".join(f"{key}={value}" for key, value in sorted(customer.attributes.items()))
    row = (customer.id, customer.tier, customer.value, customer.own_agent, customer.language, attributes)
    print(table(("CUSTOMER", "TIER", "VALUE", "OWN AGENT", "LANGUAGE", "ATTRIBUTES"), [row]))


# ---- import


def import_file(namespace: argparse.Namespace) -> int:
    """Reads the whole file before it sends any of it, so that a wrong line is found before anything has changed."""
    path: Path = namespace.file
    begun = time.monotonic()
    try:
        size = path.stat().st_size
        with path.open(newline="", encoding="utf-8-sig") as file:
            count = sum(1 for _ in read_customers(file, path, Bar("checking", size)))
        with path.open(newline="", encoding="utf-8-sig") as file, Client.of(namespace) as client:
            bar = Bar("importing", count)
            answer = _send(client, _requests(read_customers(file, path), namespace.tenant, bar))
            bar.done()
    except (OSError, UnicodeDecodeError) as wrong:
        raise error("INVALID_FIELD", f"cannot read {path}: {wrong}") from wrong
    seconds = time.monotonic() - begun
    if namespace.json:
        print_json({**plain(answer), "seconds": round(seconds, 3)})
    else:
        print(f"{answer.created_count:,} added, {answer.replaced_count:,} replaced in {seconds:.1f} s")
    return 0


def _send(client: Client, requests: Iterator[pb.ImportCustomersRequest]) -> pb.ImportCustomersResponse:
    try:
        answer: pb.ImportCustomersResponse = client.customers.ImportCustomers(requests, timeout=IMPORT_TIMEOUT_S)
    except grpc.RpcError as failure:
        raise failure_of(failure, client.address) from None
    return answer


def _requests(customers: Iterable[pb.Customer], tenant: str, bar: "Bar") -> Iterator[pb.ImportCustomersRequest]:
    """Messages of up to BATCH customers and about BATCH_BYTES."""
    batch, size, sent = pb.ImportCustomersRequest(tenant=tenant), 0, 0
    for customer in customers:
        size += customer.ByteSize() + 8
        if len(batch.customers) == BATCH or size > BATCH_BYTES:
            sent += len(batch.customers)
            yield batch
            bar.show(sent)
            batch, size = pb.ImportCustomersRequest(), 0
        batch.customers.append(customer)
    yield batch


def read_customers(file: TextIO, path: Path, bar: "Bar | None" = None) -> Iterator[pb.Customer]:
    """The customers of a CSV file with a header. Raises InvalidArgument with the wrong lines, up to MAX_WRONG_LINES."""
    rows = csv.reader(file)
    problems, wrong = Problems(), 0
    try:
        header = next(rows, [])
        columns = _columns(header, path)
        for row in rows:
            if not row:
                continue
            customer, problem = _customer(row, columns)
            if customer is not None:
                yield customer
                if bar is not None and rows.line_num % BATCH == 0:
                    bar.show(file.buffer.tell() if hasattr(file, "buffer") else 0)
                continue
            problems.note(f"line {rows.line_num}", problem)
            wrong += 1
            if wrong == MAX_WRONG_LINES:
                break
    except csv.Error as torn:
        problems.note(f"line {rows.line_num}", f"is no CSV: {torn}")
    if bar is not None:
        bar.done()
    problems.raise_if_any("INVALID_FIELD", str(path))


def _columns(header: list[str], path: Path) -> list[str]:
    names = [name.strip() for name in header]
    problems = Problems()
    if "id" not in names:
        problems.note("line 1", "has no column id")
    for name in names:
        if name not in FIELDS and not (name.startswith(ATTRIBUTE) and len(name) > len(ATTRIBUTE)):
            problems.note(f"line 1: {name!r}", f"is no column; allowed: {', '.join(FIELDS)}, {ATTRIBUTE}NAME")
        elif names.count(name) > 1:
            problems.note(f"line 1: {name!r}", "stands twice")
    problems.raise_if_any("INVALID_FIELD", str(path))
    return names


def _customer(row: list[str], columns: list[str]) -> tuple[pb.Customer | None, str]:
    """The customer of a line, or what is wrong with it."""
    if len(row) != len(columns):
        return None, f"has {len(row)} fields, the header {len(columns)}"
    customer = pb.Customer()
    for name, text in zip(columns, row, strict=True):
        if len(text.encode()) > NAME_SIZE:
            return None, f"{name} has {len(text.encode())} bytes; at most {NAME_SIZE} are allowed"
        if name == "value":
            if text and not (text.isascii() and text.isdecimal() and int(text) <= MAX_VALUE):
                return None, f"value is {text!r}; a whole number from 0 to 10^12 is allowed"
            customer.value = int(text or 0)
        elif name.startswith(ATTRIBUTE):
            if text:
                customer.attributes[name.removeprefix(ATTRIBUTE)] = text
        else:
            setattr(customer, name, text)
    if not customer.id:
        return None, "has no id"
    if len(customer.attributes) > MAX_ATTRIBUTES:
        return None, f"has {len(customer.attributes)} attributes; at most {MAX_ATTRIBUTES} are allowed"
    return customer, ""


class Bar:
    """Progress on a terminal's standard error; nothing elsewhere."""

    def __init__(self, what: str, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._total = max(total, 1)
        self._clock = clock
        self._shown = clock() if sys.stderr.isatty() else float("inf")

    def show(self, done: int) -> None:
        """How far it is, a few times a second."""
        now = self._clock()
        if now - self._shown < BAR_SECONDS:
            return
        self._shown = now
        share = min(1.0, done / self._total)
        full = round(share * BAR_WIDTH)
        print(
            f"\r{self._what} [{'#' * full}{' ' * (BAR_WIDTH - full)}] {share:4.0%}", end="", file=sys.stderr, flush=True
        )

    def done(self) -> None:
        """Leaves an empty line."""
        if self._shown != float("inf"):
            print("\r" + " " * (BAR_WIDTH + len(self._what) + 8) + "\r", end="", file=sys.stderr, flush=True)
