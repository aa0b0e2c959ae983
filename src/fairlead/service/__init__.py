"""The daemon's network side: handlers of the cold RPCs and the grpcio transport that serves all."""
