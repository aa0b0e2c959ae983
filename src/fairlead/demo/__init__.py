"""The main job, end to end: a real daemon, real gRPC clients, a day of conversations, a report and an audit.

`day` is what is played, from `generator` or `trace`; `team` and `roster` are who works and when; `play` sends the calls
and `ledger` keeps what was observed; `report` and `text` say what came of it; `run` ties them together.
"""
