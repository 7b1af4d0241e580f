"""The other side of the wire, for the demo, training and tests: a simulated CXone tenant that knows the truth.

The one rule: it imports nothing of ours but itself. It is an independent reading of the API; shared code would share
mistakes.

Importing the package loads no web server: `from app.simulator.server import serve_in_thread`,
`from app.simulator.command import main`, `from app.simulator.tenant import USER_ID, ...`.
"""
