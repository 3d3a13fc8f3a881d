"""Use cases, one file a subject: what the command line, the API and pages show and do.

They take their stores as arguments and return frozen dataclasses with ``as_json``; whoever calls them only draws.
"""
