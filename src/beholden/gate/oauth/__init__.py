"""OAuth 2.0 as decisions: what a request asks for, who sends it, and what its answer is. No HTTP, no store."""
