"""What several products need: templates, certificates, what a kernel holds, faults in a log."""
