"""``jobshape demo``: a small pipeline that really runs on this machine, to look at and to try."""
