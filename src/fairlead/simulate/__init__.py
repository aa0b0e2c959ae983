"""The real engine on a virtual clock: scenarios, runs, comparisons of policies, and what they came to.

`scenario.load` reads a document, `run.replicate` plays it, `measures` says what came of it, `report` shows it,
`compare` plays several policies with the same random numbers. The event loop is compiled (`fairlead.simulation`).
"""
