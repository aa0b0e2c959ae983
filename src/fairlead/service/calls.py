"""From a gRPC call to a function and back: bytes in, bytes out, failures as status with details (E2).

A hot call is handed to `Shard.submit` as it came and never meets the protobuf runtime. A cold call is a plain function
of a request message. Neither kind of handler knows gRPC; this module is where both meet it.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, NamedTuple, NoReturn

import grpc
from google.protobuf.message import Message
from structlog.typing import FilteringBoundLogger

from fairlead.errors import INTERNAL, FairleadError, error, from_status
from fairlead.service.overload import PUSHBACK_KEY, PUSHBACK_MS, overloaded
from fairlead.service.requests import bad_text, parse
from fairlead.shard.core import Method, Shard
from fairlead.v1 import agent_service_pb2, routing_service_pb2

DETAILS_KEY = "grpc-status-details-bin"
# What the shard answers to a call that may wait, in place of a gRPC code: nothing has happened yet.
HANDED_OVER = 17

_CODES: Mapping[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


class HotCall(NamedTuple):
    """A method that the shard serves; the request type serves only to find a wrong field in bytes that it refused."""

    method: Method
    request_type: type[Message]


class ColdCall(NamedTuple):
    """A method that Python serves."""

    request_type: type[Message]
    function: Callable[[Any], Message]


HOT_CALLS: Mapping[str, HotCall] = {
    "/fairlead.v1.RoutingService/Assign": HotCall(Method.ASSIGN, routing_service_pb2.AssignRequest),
    "/fairlead.v1.RoutingService/BatchAssign": HotCall(Method.BATCH_ASSIGN, routing_service_pb2.BatchAssignRequest),
    "/fairlead.v1.RoutingService/AcceptOffer": HotCall(Method.ACCEPT_OFFER, routing_service_pb2.AcceptOfferRequest),
    "/fairlead.v1.RoutingService/DeclineOffer": HotCall(Method.DECLINE_OFFER, routing_service_pb2.DeclineOfferRequest),
    "/fairlead.v1.RoutingService/CompleteJob": HotCall(Method.COMPLETE_JOB, routing_service_pb2.CompleteJobRequest),
    "/fairlead.v1.RoutingService/CancelJob": HotCall(Method.CANCEL_JOB, routing_service_pb2.CancelJobRequest),
    "/fairlead.v1.RoutingService/TransferJob": HotCall(Method.TRANSFER_JOB, routing_service_pb2.TransferJobRequest),
    "/fairlead.v1.RoutingService/GetJob": HotCall(Method.GET_JOB, routing_service_pb2.GetJobRequest),
    "/fairlead.v1.AgentService/SetPresence": HotCall(Method.SET_PRESENCE, agent_service_pb2.SetPresenceRequest),
    "/fairlead.v1.AgentService/Heartbeat": HotCall(Method.HEARTBEAT, agent_service_pb2.HeartbeatRequest),
}


class InPool:
    """A handler that grpcio runs on a pool of its own, so that it cannot take the workers of the hot calls."""

    def __init__(self, behavior: Callable[[Any, grpc.ServicerContext], Any], pool: ThreadPoolExecutor) -> None:
        self._behavior = behavior
        self.experimental_thread_pool = pool

    def __call__(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Runs the handler."""
        return self._behavior(request, context)


def abort(context: grpc.ServicerContext, status: bytes) -> NoReturn:
    """Ends the call with a serialized google.rpc.Status. Never returns: grpcio unwinds by an exception."""
    failure = from_status(status)
    pushback = ((PUSHBACK_KEY, PUSHBACK_MS),) if failure.reason == "OVERLOADED" else ()
    context.set_trailing_metadata(((DETAILS_KEY, status), *pushback))
    context.abort(_CODES[failure.code], failure.message)


def hot_answer(shard: Shard, call: HotCall, request: bytes) -> tuple[int, bytes]:
    """Code and reply of a hot call, or code and serialized google.rpc.Status; waits until the shard releases them."""
    # The reply may come from another thread once its facts are durable, so it is awaited, never assumed.
    replies: SimpleQueue[tuple[int, bytes]] = SimpleQueue()
    shard.submit(int(call.method), request, lambda status, body, _sequence: replies.put((status, body)))
    status, body = replies.get()
    wrong = bad_text(call.request_type, request) if status == INTERNAL else None
    return (wrong.code, wrong.status_bytes()) if wrong else (status, body)


def cold_answer(call: ColdCall, request: bytes) -> tuple[int, bytes]:
    """The same of a cold call. Raises what its function raises."""
    return 0, call.function(parse(call.request_type, request)).SerializeToString()


def hot_handler(
    shard: Shard,
    call: HotCall,
    wait: Callable[[bytes, grpc.ServicerContext], tuple[int, bytes]],
    is_refused: Callable[[], bool],
    log: FilteringBoundLogger,
) -> "grpc.RpcMethodHandler[bytes, bytes]":
    """The handler of a hot method. `wait` carries out a call that may wait; `is_refused`: there is too much to do."""

    def serve(request: bytes, context: grpc.ServicerContext) -> bytes:
        if is_refused():
            abort(context, overloaded().status_bytes())
        try:
            status, body = hot_answer(shard, call, request)
            if status == HANDED_OVER:
                status, body = wait(request, context)
        except Exception as bug:
            abort(context, status_of(bug, call.method.name, log))
        if status == 0:
            return body
        abort(context, body)

    return grpc.unary_unary_rpc_method_handler(serve)


def cold_handler(
    call: ColdCall, pool: ThreadPoolExecutor, log: FilteringBoundLogger
) -> "grpc.RpcMethodHandler[Any, Any]":
    """The handler of a cold method, run on `pool`."""

    def serve(request: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            return cold_answer(call, request)[1]
        except Exception as wrong:
            abort(context, status_of(wrong, call.request_type.DESCRIPTOR.name, log))

    return grpc.unary_unary_rpc_method_handler(InPool(serve, pool))


class UnknownMethods(grpc.GenericRpcHandler):
    """Answers every path that no service has, with details like all other errors."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any]":
        """A handler that refuses."""
        path = handler_call_details.method

        def refuse(_request: Any, context: grpc.ServicerContext) -> NoReturn:
            abort(context, error("UNKNOWN_METHOD", f"this server has no method {path}").status_bytes())

        return grpc.unary_unary_rpc_method_handler(refuse)


def status_of(failure: Exception, call: str, log: FilteringBoundLogger) -> bytes:
    """The status of a refusal; a defect of ours is logged with its trace and told without it."""
    if isinstance(failure, FairleadError):
        return failure.status_bytes()
    log.error("call failed", call=call, exc_info=failure)
    return error("INTERNAL_ERROR", "the server failed to answer; its log has the trace").status_bytes()
