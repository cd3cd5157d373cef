"""What the host itself gives: time, randomness, and the files that hold our secrets."""
