"""What stops a run from outside: signals between steps, and a second Ctrl-C."""
