"""Trains the two models on the simulator and writes their files: `python -m models.training.train`.

    fleet        simulated sites -> readings -> the agent's own features, with the truth beside them
    streams      simulated sites -> each EVSE's readings in order, with the anomalies that were put in
    sessions     charging sessions, real and simulated, in one shape
    calibration  statistics of the two beside each other
    checks       whether the simulator is fit to train on
    failure      boosted trees for the hazard in each bin, calibrated
    anomaly      an isolation forest on ordinary samples
    export       trees -> one ONNX graph each, written directly
    skill        skill, thresholds and trust on sites never seen
    train        all of it in order, and the manifest

Nothing here runs on a gateway.
"""
