"""Messages of the test services, straight from their .proto files: nothing is generated or kept."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import grpc_tools
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

KNOWN = Path(grpc_tools.__file__).parent / "_proto"


def load(folder: Path, *files: str) -> None:
    """Makes the messages and services of these files, relative to the folder, known to the process."""
    pool = descriptor_pool.Default()
    with tempfile.NamedTemporaryFile() as output:
        options = [f"-I{folder}", f"-I{KNOWN}", "--include_imports", f"--descriptor_set_out={output.name}"]
        if protoc.main(["protoc", *options, *files]) != 0:
            raise SystemExit(f"protoc refused {files} in {folder}; its messages are above")
        for file in descriptor_pb2.FileDescriptorSet.FromString(output.read()).file:
            # Those that the runtime brings are there already.
            if not file.name.startswith("google/protobuf/"):
                pool.Add(file)


@cache
def message(name: str) -> Any:
    """The class of a message."""
    return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))
