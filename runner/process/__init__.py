"""What reaches a process from outside its spec: signals, variables, settings of libraries; what a run makes of them."""
