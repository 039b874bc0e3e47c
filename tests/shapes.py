"""The checker of annotations that `conftest.py` puts around the core: beartype, with an int taken for a float."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
