"""One file a way through the system: load, ask the stages, record, answer. No rule, no SQL, no HTTP."""
