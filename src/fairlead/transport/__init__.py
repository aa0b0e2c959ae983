"""HTTP/2 and gRPC without the interpreter, compiled from ext/fairlead/transport."""
