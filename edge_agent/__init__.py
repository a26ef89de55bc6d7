"""EVzone edge agent: judges an EV charging site's chargers on the spot and loses nothing.

The way of the data, downhill:

    adapters/mqtt   the broker's messages come into the inbox
    ingest/         the pipeline thread takes them from there:
      sources/        bytes become readings; pure
      core/           readings and state become outcomes, in pipeline.step; pure
      adapters/sqlite one commit of a batch, then the acknowledgements
      publisher       from the outbox to MQTT
    desk            answers those who ask through adapters/web, from the last view
    service         the composition root: builds, starts, supervises, stops
"""

__version__ = "0.1.0"
