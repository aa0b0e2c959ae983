"""Server reflection, versions v1alpha and v1, which differ in nothing but the name of their package.

grpcio-reflection brings v1alpha alone. Its messages are read and written for both, and the descriptors of v1 are those
of v1alpha with the package renamed, kept in a pool of our own.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection, reflection_pb2

from fairlead.service.calls import InPool
from fairlead.service.requests import parse

OLD_PACKAGE = "grpc.reflection.v1alpha"
NEW_PACKAGE = "grpc.reflection.v1"
NAMES = tuple(f"{package}.ServerReflection" for package in (NEW_PACKAGE, OLD_PACKAGE))
PATHS = tuple(f"/{name}/ServerReflectionInfo" for name in NAMES)


def handlers(service_names: Iterable[str], pool: ThreadPoolExecutor) -> "Mapping[str, grpc.RpcMethodHandler[Any, Any]]":
    """Handlers by path, of both versions, for these services and themselves. A stream holds a worker of `pool`."""
    names = (*service_names, *NAMES)
    servicer = reflection.ReflectionServicer(names, describe(names))
    handler = grpc.stream_stream_rpc_method_handler(
        InPool(servicer.ServerReflectionInfo, pool),
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return dict.fromkeys(PATHS, handler)


def describe(service_names: Iterable[str]) -> descriptor_pool.DescriptorPool:
    """A pool of the files that define these services and all they import."""
    known = descriptor_pool.Default()
    pool = descriptor_pool.DescriptorPool()
    added: set[str] = set()

    def add(file: Any) -> None:
        if file.name in added:
            return
        added.add(file.name)
        for dependency in file.dependencies:
            add(dependency)
        pool.AddSerializedFile(file.serialized_pb)

    for name in service_names:
        if not name.startswith(NEW_PACKAGE + "."):
            add(known.FindFileContainingSymbol(name))
    pool.AddSerializedFile(_renamed(reflection_pb2.DESCRIPTOR.serialized_pb))
    return pool


def _renamed(old: bytes) -> bytes:
    file = descriptor_pb2.FileDescriptorProto.FromString(old)
    file.name, file.package = "grpc/reflection/v1/reflection.proto", NEW_PACKAGE
    for message in file.message_type:
        for field in message.field:
            if field.type_name:
                field.type_name = _moved(field.type_name)
    for service in file.service:
        for method in service.method:
            method.input_type, method.output_type = _moved(method.input_type), _moved(method.output_type)
    return file.SerializeToString()


def _moved(type_name: str) -> str:
    return type_name.replace(f".{OLD_PACKAGE}.", f".{NEW_PACKAGE}.")


class Messages:
    """Both versions for the native transport: each question is answered as it comes, an idle stream costs nothing."""

    def __init__(
        self, service_names: Iterable[str], send: Callable[[int, bytes], None], finish: Callable[[int], None]
    ) -> None:
        names = (*service_names, *NAMES)
        # The servicer looks at no context.
        self._answers: Callable[..., Iterable[Any]] = reflection.ReflectionServicer(
            names, describe(names)
        ).ServerReflectionInfo
        self._send = send
        self._finish = finish

    def message(self, call: int, data: bytes) -> None:
        """Answers one question."""
        question = parse(reflection_pb2.ServerReflectionRequest, data)
        for answer in self._answers(iter((question,)), None):
            self._send(call, answer.SerializeToString())

    def end(self, call: int) -> None:
        """The client has no more questions."""
        self._finish(call)

    def cancelled(self, call: int) -> None:
        """Nothing is kept for a stream."""
