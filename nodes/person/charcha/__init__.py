"""Consent and liveness: a live person's seven pictures, judged on the server and kept encrypted under a record id."""
