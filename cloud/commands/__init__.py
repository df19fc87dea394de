"""What each subcommand of ``kaoqin-cloud`` does; ``cloud.cli`` only reads the command line."""
