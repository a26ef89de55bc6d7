"""What the agent costs and how fast it is, against what the same machine could do at best.

    python -m tests.bench                    all of it, some hour and a half
    python -m tests.bench throughput rest    some of it
    python -m tests.bench --json FILE        the figures and every sample, for a machine

    throughput   messages a second through the whole path, over bare paho
    latency      from a charger's publish to the alert at a screen
    rest         predictions a second while readings come in, over a hello-world
    memory       resident memory under load, and whether it grows
    startup      from exec to the first answers
    flash        bytes written a day at a small site
    ocpp         what the relay adds to a charger's round trip
    central      gateways by the thousand through ingest, Kafka and sink, against a plain COPY
    week         a site that was cut off for a week, and its link's return

    rig          the broker as shipped, the agent as a process
    traffic      simulated chargers, each with its own connection; a child process
    bare         the three variants of bare paho; a child process
    hello        the least that the agent's web server can serve; a child process
    asking       asks over HTTP as fast as it is answered; by wrk where that is installed
    fleet        many gateways with the real uplink; a child process
    report       figures, the machine, the table

It reports and never fails: a timing is no test.
"""
