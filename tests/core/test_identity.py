"""Names that the same facts always give again."""

from __future__ import annotations

from uuid import RFC_4122

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.identity import hashed_uuid


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_a_name_is_a_uuid_of_version_8(parts: list[str]) -> None:
    named = hashed_uuid(*parts)
    assert (named.version, named.variant) == (8, RFC_4122)
    assert hashed_uuid(*parts) == named


def test_a_name_stays_what_it_was_in_other_versions_of_the_agent() -> None:
    assert str(hashed_uuid("epoch", "A", "1")) == "4bdf4260-125d-8987-962c-9eba07c774ae"


def test_parts_are_kept_apart() -> None:
    assert (
        len({hashed_uuid("a", "b"), hashed_uuid("ab"), hashed_uuid("a", "", "b"), hashed_uuid("b", "a")}) == 4
    )
