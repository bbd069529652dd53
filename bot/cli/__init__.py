"""The parts of the operator's command line. Heavy imports happen inside the commands, so that --help is fast."""
