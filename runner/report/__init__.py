"""What is said of runs afterwards: their summary, their verification, the list of them."""
