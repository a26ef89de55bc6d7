"""A made-up site: chargers whose parts wear, break and are repaired, and what they say of themselves.

    parameters   every number, with its source; `digest` of a world
    usage        what kinds of site are used for, after real sessions
    worlds       the normal and the hard world, and worlds with numbers of one's own
    components   latent health: what is true, and what labels come from
    oracle       the true risk, worked out from the latent health
    site         weather and time; what befalls all chargers at once; the lists of what truly happened
    cabinet      what the connectors of a charger share: box, parts, planned work
    evse         one connector: vehicles come and go, wear shows, oddities begin and end
    vehicles     when they come, what they want and ask for
    physics      heat, power and derating
    oddities     anomalies put in with their truth, and harmless changes
    sensors      what an EVSE can measure, and what its sensors make of it
    sample       one measurement, before it is put into words
    schedule     whose turn it is
    voices       what a charger says: metrics as JSON, OCPP 1.6 frames
    post         messages that come late or twice
    fleet        a site as one stream of messages in order of time
    demo         the site of `edge-agent demo`, with faults at set times
    publisher    sends a stream to a real broker; the only file here that does I/O

Demo, tests, benchmark and training all read the messages, as the agent does. The latent truth is beside
them (`Fleet.failures`, `Fleet.oddities`, `oracle.risk`), never in them.
"""
