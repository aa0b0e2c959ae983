"""Journals beside the running daemon: verification, a look inside, salvage, backup."""
