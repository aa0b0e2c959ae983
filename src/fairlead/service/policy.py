"""PolicyService: the document in force, and its replacement as a whole (L1)."""

from collections.abc import Mapping
from functools import partial

from fairlead.policy.compile import built_in, compile_policy
from fairlead.policy.document import from_stored, load
from fairlead.problems import Problems
from fairlead.protobuf import set_timestamp
from fairlead.service.calls import ColdCall
from fairlead.service.requests import check_size, read_tenant, refuse
from fairlead.shard.core import Shard
from fairlead.v1 import policy_pb2
from fairlead.v1 import policy_service_pb2 as pb


def calls(shard: Shard) -> Mapping[str, ColdCall]:
    """Paths and functions of the service."""
    return {
        "/fairlead.v1.PolicyService/GetPolicy": ColdCall(pb.GetPolicyRequest, partial(get_policy, shard)),
        "/fairlead.v1.PolicyService/UpdatePolicy": ColdCall(pb.UpdatePolicyRequest, partial(update_policy, shard)),
    }


def get_policy(shard: Shard, request: pb.GetPolicyRequest) -> pb.GetPolicyResponse:
    """The document in force."""
    problems = Problems()
    tenant = read_tenant(request.tenant, problems)
    refuse(problems)
    return pb.GetPolicyResponse(policy=_in_force(shard, tenant))


def update_policy(shard: Shard, request: pb.UpdatePolicyRequest) -> pb.UpdatePolicyResponse:
    """Replaces the document, or with `validate_only` answers what would be stored."""
    problems = Problems()
    tenant = read_tenant(request.tenant, problems)
    check_size(request.request_id, "request_id", problems, low=0)
    check_size(request.author, "author", problems, low=0)
    refuse(problems)
    accepted = load(request.policy)
    if request.validate_only:
        accepted.version = shard.policy(tenant)[0] + 1
        accepted.author = request.author
        return pb.UpdatePolicyResponse(policy=accepted)
    accepted.version = shard.install_policy(tenant, compile_policy(accepted, request.author), request.request_id)
    # The answer is what this call stored, also when another one has replaced it by now.
    stored = _in_force(shard, tenant)
    if stored.version == accepted.version:
        accepted = stored
    return pb.UpdatePolicyResponse(policy=accepted)


def _in_force(shard: Shard, tenant: str) -> policy_pb2.Policy:
    version, document, author, time_us = shard.policy(tenant)
    if not version:
        return built_in()
    policy = from_stored(document)
    policy.version, policy.author = version, author
    set_timestamp(policy.update_time, time_us)
    return policy
