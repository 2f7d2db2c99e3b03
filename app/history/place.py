"""Where the history lies, and by which name a site goes in it; costs nothing to import."""

FILE_NAME = "history.db"
"""In the state folder."""


def name_in_history(page: str) -> str:
    """The name of a site by its page; "" for Slurm as it was found, which its cluster names.

    Two clusters that share a home would else be one, with ids that mean two jobs.
    """
    return "" if page == "slurm" else page
