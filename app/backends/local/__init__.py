"""The local site: jobs as processes of this machine under a small, safe scheduler."""
