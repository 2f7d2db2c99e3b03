"""What is written for people to keep: the report of a campaign, as Markdown and as HTML."""
