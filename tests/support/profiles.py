"""Profiles so small that a few bytes make a DAG of several levels."""

from __future__ import annotations

from hypothesis import strategies as st

from zoo.ipfs.profiles import Profile

SMALL = st.builds(
    Profile,
    name=st.just("small"),
    chunk=st.integers(1, 7),
    width=st.integers(2, 4),
    version=st.just(1),
    raw=st.booleans(),
)
