"""What the model will see of the data of a spec: its rows, what a pass over them takes, how long documents are."""
