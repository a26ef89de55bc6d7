"""Frames as far as a relay must understand them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.backoffice import frames
from edge_agent.backoffice.conversation import Conversation, Standing, ToCharger, ToUpstream
from edge_agent.backoffice.frames import Frame, Sort
from tests.rig.fakes import START

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(st.text() | JSON.map(str) | st.lists(JSON, max_size=5).map(lambda frame: frames._text(list(frame))))
def test_any_text_is_a_frame_or_none_and_is_relayed_unchanged(text: str) -> None:
    frame = frames.read(text)
    assert frame is None or isinstance(frame, Frame)
    talk = Conversation(Standing.RELAY, lambda _: True)
    assert talk.from_charger(text, START) == [ToUpstream(text)]
    assert talk.from_upstream(text)[0] == ToCharger(text)
    for standing in (Standing.STAND_IN, Standing.CATCH_UP):
        Conversation(standing, lambda _: True).from_charger(text, START)
        Conversation(standing, lambda _: True).from_upstream(text)


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('[2,"1","Heartbeat",{}]', Frame(Sort.CALL, "1", "Heartbeat", {})),
        ('[2,"1","Heartbeat"]', Frame(Sort.CALL, "1", "Heartbeat", {})),
        ('[3,"1",{"a":1}]', Frame(Sort.RESULT, "1", "", {"a": 1})),
        ('[4,"1","GenericError","",{}]', Frame(Sort.ERROR, "1", "", {})),
        ('[6,"1","NotifyPeriodicEventStream",{}]', None),
        ('[2,1,"Heartbeat",{}]', None),
        ('[2,"","Heartbeat",{}]', None),
        ('[2,"1",3,{}]', None),
        ("[true]", None),
        ("{}", None),
    ],
)
def test_a_frame_is_read(text: str, frame: Frame | None) -> None:
    assert frames.read(text) == frame
