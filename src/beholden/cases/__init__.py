"""Holding an app to account: requests for information, deadlines, answers, verdict; a state machine."""
