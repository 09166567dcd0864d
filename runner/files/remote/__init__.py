"""Files on other machines: what there is, and how one is fetched, piece by piece, by faults and all."""
