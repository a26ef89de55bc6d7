"""The decision, pure: no I/O, no clock, no log, no thread, no random.

Read `pipeline.step` first: it is the story in one short function.
"""
