"""The 2018 story at 1:1000, played over HTTP between real processes. All people in it are synthetic."""
