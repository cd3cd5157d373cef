"""What was disclosed, made tamper-evident; no judgement on whether it was right."""
