"""CustomerService and the same methods of Router: what is known of customers, and what it does to their jobs."""

import random
from typing import Any

import grpc
import pytest

from fairlead.errors import AlreadyExists, InvalidArgument, NotFound
from fairlead.router import Router
from fairlead.shard.core import Affinity, Outcome, Presence
from fairlead.v1 import customer_service_pb2 as pb
from fairlead.views import Customer
from tests.contract.faces import GrpcFace, failure_of

POLICY = """
default_queue = "q"
[[tiers]]
id = "gold"
head_start = "60s"
[[queues]]
id = "q"
strategy = "longest_idle"
"""


def test_what_was_told_of_a_customer_is_known_until_it_is_deleted(face: Any, tenant: str) -> None:
    told = {
        "tier": "gold",
        "value": 10**12,
        "attributes": {"a": "1", "b": "2"},
        "own_agent": "ann",
        "language": "de-CH",
    }
    assert face.upsert_customer("c", **told, tenant=tenant)
    assert face.customer("c", tenant=tenant) == Customer("c", **told)
    assert not face.upsert_customer("c", value=7, tenant=tenant)
    assert face.customer("c", tenant=tenant) == Customer("c", value=7)
    face.delete_customer("c", tenant=tenant)
    for call in (face.customer, face.delete_customer):
        with pytest.raises(NotFound) as raised:
            call("c", tenant=tenant)
        assert raised.value.reason == "CUSTOMER_NOT_FOUND"


def test_a_repeated_request_gets_the_first_answer(face: Any, tenant: str) -> None:
    """J4."""
    assert face.upsert_customer("c", request_id="r", tenant=tenant)
    assert face.upsert_customer("c", request_id="r", tenant=tenant)
    with pytest.raises(AlreadyExists):
        face.upsert_customer("c", value=1, request_id="r", tenant=tenant)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"customer_id": ""}, "customer.id"),
        ({"customer_id": "x" * 129}, "customer.id"),
        ({"tier": "x" * 129}, "customer.tier"),
        ({"value": -1}, "customer.value"),
        ({"value": 10**12 + 1}, "customer.value"),
        ({"attributes": {str(number): "x" for number in range(5)}}, "customer.attributes"),
        ({"attributes": {"": "x"}}, "customer.attributes"),
        ({"attributes": {"x": ""}}, "customer.attributes"),
        ({"attributes": {"x" * 128: "y" * 127}}, "customer.attributes"),
        ({"own_agent": "x" * 129}, "customer.own_agent"),
        ({"language": "x" * 129}, "customer.language"),
    ],
)
def test_a_wrong_profile_is_refused_by_field_and_changes_nothing(
    face: Any, tenant: str, fields: dict[str, Any], field: str
) -> None:
    face.upsert_customer("c", value=1, tenant=tenant)
    with pytest.raises(InvalidArgument) as raised:
        face.upsert_customer(**{"customer_id": "c", **fields}, tenant=tenant)
    assert raised.value.field == field
    assert face.customer("c", tenant=tenant) == Customer("c", value=1)


def test_the_profile_fills_what_the_request_leaves_empty(face: Any, tenant: str) -> None:
    """L2: the request's fields go before the profile's."""
    face.update_policy(POLICY, tenant=tenant)
    face.upsert_customer("c", tier="gold", tenant=tenant)
    face.upsert_customer("unknown-tier", tier="silver", tenant=tenant)
    for job, customer in (("by-profile", "c"), ("plain", ""), ("unknown", "unknown-tier")):
        face.assign(job, customer=customer, tenant=tenant)
    face.assign("by-request", customer="c", customer_tier="gold", head_start=1, tenant=tenant)
    starts = {job.id: job.head_start for job in face.jobs(tenant=tenant)}
    assert starts == {"by-profile": 60, "plain": 0, "unknown": 0, "by-request": 61}
    face.upsert_customer("c", tenant=tenant)
    assert face.assign("by-profile", customer="c", tenant=tenant).repeated


def test_the_own_agent_of_a_profile_comes_first_unless_the_request_says_otherwise(face: Any, tenant: str) -> None:
    """A2."""
    for agent in ("ann", "bob", "own"):
        face.create_agent(agent, capacity=10, presence=Presence.ONLINE, tenant=tenant)
    face.upsert_customer("c", own_agent="own", tenant=tenant)
    face.upsert_customer("lost", own_agent="nobody", tenant=tenant)
    got = [face.assign(f"j{number}", customer="c", tenant=tenant).agent_id for number in range(4)]
    assert got == ["own"] * 4
    assert face.assign("wants", customer="c", wanted_agent="bob", tenant=tenant).agent_id == "bob"
    assert face.assign("off", customer="c", affinity=Affinity.OFF, tenant=tenant).agent_id == "ann"
    assert face.assign("lost", customer="lost", tenant=tenant).outcome == Outcome.ASSIGNED
    face.set_presence("own", Presence.OFFLINE, tenant=tenant)
    assert face.assign("else", customer="c", tenant=tenant).outcome == Outcome.ASSIGNED
    required = face.assign("only", customer="c", affinity=Affinity.REQUIRE, tenant=tenant)
    assert required.outcome == Outcome.QUEUED


def test_who_served_a_deleted_customer_is_forgotten_too(face: Any, tenant: str) -> None:
    """A1."""
    face.update_policy(
        {"queues": [{"id": "q", "strategy": "longest_idle", "affinity": {"mode": "prefer"}}]}, tenant=tenant
    )
    for agent in ("ann", "bob", "cid"):
        face.create_agent(agent, capacity=10, presence=Presence.ONLINE, tenant=tenant)
    face.upsert_customer("c", tenant=tenant)
    first = face.assign("j1", customer="c", tenant=tenant).agent_id
    assert face.assign("j2", customer="c", tenant=tenant).agent_id == first
    face.delete_customer("c", tenant=tenant)
    assert face.assign("j3", customer="c", tenant=tenant).agent_id != first


# Imports.


def messages(customers: list[pb.Customer], tenant: str, size: int) -> Any:
    for begin in range(0, len(customers), size):
        # Only the first message names the tenant.
        yield pb.ImportCustomersRequest(tenant="" if begin else tenant, customers=customers[begin : begin + size])


def test_an_import_adds_and_replaces(stubs: GrpcFace, tenant: str) -> None:
    rng = random.Random(7)
    customers = [
        pb.Customer(
            id=f"c{number}",
            tier=rng.choice(("", "gold")),
            value=rng.randint(0, 10**12),
            attributes={str(key): str(rng.random()) for key in range(rng.randint(0, 4))},
            own_agent=rng.choice(("", "ann")),
            language=rng.choice(("", "en")),
        )
        for number in range(25_000)
    ]
    stubs.upsert_customer("c7", value=1, tenant=tenant)
    answer = stubs.customers.ImportCustomers(messages(customers, tenant, 10_000), timeout=30)
    assert (answer.created_count, answer.replaced_count) == (24_999, 1)
    for each in rng.sample(customers, 50):
        found = stubs.customers.GetCustomer(pb.GetCustomerRequest(tenant=tenant, customer_id=each.id)).customer
        assert found == each


def test_the_library_imports_customers_in_order_until_one_is_wrong() -> None:
    router = Router()
    router.upsert_customer("c1", value=1)
    known = [Customer(f"c{number}", "gold", number, {"a": "1"}, "ann", "en") for number in range(3)]
    assert router.import_customers(iter(known)) == (2, 1)
    assert [router.customer(each.id) for each in known] == known
    assert router.import_customers([]) == (0, 0)
    with pytest.raises(InvalidArgument):
        router.import_customers([Customer("before"), Customer(""), Customer("after")])
    assert router.customer("before").id == "before"
    with pytest.raises(NotFound):
        router.customer("after")


def test_what_came_before_a_wrong_customer_stays(stubs: GrpcFace, tenant: str) -> None:
    customers = [pb.Customer(id=f"c{number}" if number != 1_500 else "") for number in range(3_000)]
    with pytest.raises(grpc.RpcError) as raised:
        stubs.customers.ImportCustomers(messages(customers, tenant, 1_000), timeout=30)
    failure = failure_of(raised.value)
    assert (failure.reason, failure.field) == ("INVALID_FIELD", "customers[500].id")
    assert stubs.customer("c1499", tenant=tenant).id == "c1499"
    with pytest.raises(NotFound):
        stubs.customer("c1501", tenant=tenant)


def test_an_import_of_nothing_and_one_of_too_many(stubs: GrpcFace, tenant: str) -> None:
    answer = stubs.customers.ImportCustomers(iter(()), timeout=30)
    assert (answer.created_count, answer.replaced_count) == (0, 0)
    customers = [pb.Customer(id=str(number)) for number in range(10_001)]
    with pytest.raises(grpc.RpcError) as raised:
        stubs.customers.ImportCustomers(messages(customers, tenant, 10_001), timeout=30)
    assert failure_of(raised.value).field == "customers"
    with pytest.raises(NotFound):
        stubs.customer("0", tenant=tenant)


def test_bytes_that_are_no_import_are_malformed(stubs: GrpcFace, channel: grpc.Channel, tenant: str) -> None:
    call = channel.stream_unary("/fairlead.v1.CustomerService/ImportCustomers")
    for data in (b"\x12\xff", b"\x12\x02\x0a\x05", b"\x12\x03\x0a\x01\xff"):
        with pytest.raises(grpc.RpcError) as raised:
            call(iter((b"\x0a" + bytes((len(tenant.encode()),)) + tenant.encode() + data,)), timeout=30)
        assert failure_of(raised.value).reason == "MALFORMED_REQUEST"
