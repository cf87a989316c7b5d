"""Any product whose image brings a control program of its own."""
