"""From vectors to codes: residual quantisation, diagnostics and what each code means."""
