"""CustomerService: what the tenant knows of its customers. The messages of an import are read by the shard."""

import threading
from collections.abc import Callable, Iterable, Mapping

from fairlead.problems import Problems
from fairlead.service.calls import ColdCall
from fairlead.service.requests import check_size, read_tenant, refuse
from fairlead.shard.core import CustomerView, Shard
from fairlead.v1 import customer_service_pb2 as pb

IMPORT = "/fairlead.v1.CustomerService/ImportCustomers"
# Streams that were refused and may still have messages on their way.
MAX_REFUSED = 1_024


def calls(shard: Shard) -> Mapping[str, ColdCall]:
    """Paths and functions of the unary methods."""

    def upsert(request: pb.UpsertCustomerRequest) -> pb.UpsertCustomerResponse:
        problems = Problems()
        tenant = read_tenant(request.tenant, problems)
        refuse(problems)
        customer = request.customer
        created = shard.upsert_customer(
            tenant,
            customer.id,
            tier=customer.tier,
            value=customer.value,
            attributes=dict(customer.attributes),
            own_agent=customer.own_agent,
            language=customer.language,
            request_id=request.request_id,
        )
        return pb.UpsertCustomerResponse(customer=customer, created=created)

    def get(request: pb.GetCustomerRequest) -> pb.GetCustomerResponse:
        problems = Problems()
        tenant = read_tenant(request.tenant, problems)
        check_size(request.customer_id, "customer_id", problems)
        refuse(problems)
        return pb.GetCustomerResponse(customer=customer_message(shard.customer(tenant, request.customer_id)))

    def delete(request: pb.DeleteCustomerRequest) -> pb.DeleteCustomerResponse:
        problems = Problems()
        tenant = read_tenant(request.tenant, problems)
        check_size(request.customer_id, "customer_id", problems)
        refuse(problems)
        shard.delete_customer(tenant, request.customer_id, request.request_id)
        return pb.DeleteCustomerResponse()

    service = "/fairlead.v1.CustomerService"
    return {
        f"{service}/UpsertCustomer": ColdCall(pb.UpsertCustomerRequest, upsert),
        f"{service}/GetCustomer": ColdCall(pb.GetCustomerRequest, get),
        f"{service}/DeleteCustomer": ColdCall(pb.DeleteCustomerRequest, delete),
    }


def customer_message(view: CustomerView) -> pb.Customer:
    """The contract's form of a profile."""
    return pb.Customer(
        id=view.id,
        tier=view.tier,
        value=view.value,
        attributes=view.attributes,
        own_agent=view.own_agent,
        language=view.language,
    )


class Import:
    """One ImportCustomers on its way."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._tenant: str | None = None
        self._created = 0
        self._replaced = 0

    def add(self, request: bytes) -> None:
        """Stores the customers of one message. Raises at the first that is wrong; those before it stay."""
        self._tenant, created, replaced = self._shard.import_customers(self._tenant, request)
        self._created += created
        self._replaced += replaced

    def response(self) -> bytes:
        """What all messages came to."""
        return pb.ImportCustomersResponse(
            created_count=self._created, replaced_count=self._replaced
        ).SerializeToString()


def import_all(shard: Shard, requests: Iterable[bytes]) -> bytes:
    """A whole stream; its response."""
    work = Import(shard)
    for request in requests:
        work.add(request)
    return work.response()


class Imports:
    """The stream handler of ImportCustomers for the native transport. Thread-safe."""

    def __init__(self, shard: Shard, send: Callable[[int, bytes], None], finish: Callable[[int], None]) -> None:
        self._shard = shard
        self._send = send
        self._finish = finish
        self._lock = threading.Lock()
        self._open: dict[int, Import] = {}
        self._refused: dict[int, None] = {}

    def message(self, call: int, data: bytes) -> None:
        """Stores what one message brings; after one that was refused the rest is not looked at."""
        with self._lock:
            if call in self._refused:
                return
            work = self._open.setdefault(call, Import(self._shard))
        try:
            work.add(data)
        except Exception:
            with self._lock:
                self._refused[call] = None
                while len(self._refused) > MAX_REFUSED:
                    del self._refused[next(iter(self._refused))]
            raise

    def end(self, call: int) -> None:
        """The client has sent all."""
        with self._lock:
            if call in self._refused:
                return
            work = self._open.pop(call, None) or Import(self._shard)
        self._send(call, work.response())
        self._finish(call)

    def cancelled(self, call: int) -> None:
        """The client is gone, or was refused; what it sent before stays."""
        with self._lock:
            self._open.pop(call, None)
