"""What `edge-agent` does, a file a command. Each returns its exit code."""
