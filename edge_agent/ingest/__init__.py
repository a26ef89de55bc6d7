"""The pipeline thread: from the broker's messages to what is kept, acknowledged and published.

inbox           any thread puts messages and orders; bounded
thread          takes them from there, in turn
intake        told again (redelivery)? else decoded: bytes become readings
state         core/pipeline.step: readings and state become outcomes
batch         what one commit will hold
keeping       commits it, then acknowledges; watch-only where the store refuses
publisher     from the outbox to MQTT
correspondence  what comes back on the alerts' topics
lessons         what is kept for learning: drift, and what was foretold
"""
