"""The command lines of programs that look at a profile's run."""

import argparse


def profile_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with --profile and --runs-dir.

    Args:
        description: Its first line says what the program does.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--profile", default="quick", help="a name in params/, or a YAML file; default: quick")
    parser.add_argument("--runs-dir", help="where the runs are; default: as the profile says")
    return parser
