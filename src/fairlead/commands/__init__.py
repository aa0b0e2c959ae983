"""What each command of the command line does. Clients of a running daemon, except `serve` and `demo`."""
