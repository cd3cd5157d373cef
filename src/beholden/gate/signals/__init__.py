"""Signals out: what receivers and apps are told when rights end or narrow (SSF 1.0, RFC 8417, 8935, 8936)."""
