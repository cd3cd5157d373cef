"""Evidence on disk: files read and never changed, containers opened within bounds, the report written."""
