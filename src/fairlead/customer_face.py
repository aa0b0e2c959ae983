"""The customers of the embedded face: what of `Router` is about their profiles."""

from collections.abc import Iterable, Mapping

from fairlead.arguments import name
from fairlead.shard.core import Shard
from fairlead.views import Customer

DEFAULT_TENANT = "default"


class CustomerFace:
    """Methods of `Router` over the store of customers."""

    _shard: Shard

    def upsert_customer(
        self,
        customer_id: str,
        *,
        tier: str = "",
        value: int = 0,
        attributes: Mapping[str, str] | None = None,
        own_agent: str = "",
        language: str = "",
        request_id: str = "",
        tenant: str = DEFAULT_TENANT,
    ) -> bool:
        """Adds or replaces what is known of a customer; whether it is new. A job's own fields go before it.

        At most 4 `attributes`, which rules see as labels. Raises InvalidArgument.
        """
        return self._shard.upsert_customer(
            tenant,
            customer_id,
            tier=tier,
            value=value,
            attributes=attributes,
            own_agent=own_agent,
            language=language,
            request_id=name(request_id, "request_id", 0),
        )

    def import_customers(self, customers: Iterable[Customer], *, tenant: str = DEFAULT_TENANT) -> tuple[int, int]:
        """Adds or replaces them in order; how many were new, how many were replaced. Other calls go in between.

        Raises InvalidArgument at the first one that is wrong; those before it stay. Cost: that of as many upserts.
        """
        created = count = 0
        for each in customers:
            created += self.upsert_customer(
                each.id,
                tier=each.tier,
                value=each.value,
                attributes=each.attributes,
                own_agent=each.own_agent,
                language=each.language,
                tenant=tenant,
            )
            count += 1
        return created, count - created

    def customer(self, customer_id: str, *, tenant: str = DEFAULT_TENANT) -> Customer:
        """What is known of a customer. Raises NotFound."""
        return Customer.of(self._shard.customer(tenant, customer_id))

    def delete_customer(self, customer_id: str, *, request_id: str = "", tenant: str = DEFAULT_TENANT) -> None:
        """Forgets a customer, and who served them (A1). Raises NotFound."""
        self._shard.delete_customer(tenant, customer_id, name(request_id, "request_id", 0))
