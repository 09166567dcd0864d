"""AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""
