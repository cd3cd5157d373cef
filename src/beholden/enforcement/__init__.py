"""What follows from a verdict: ladder, sanction, appeal. It writes standing; it does not decide guilt."""
