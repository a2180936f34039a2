"""A V4L2 camera of a real kernel."""

from __future__ import annotations

import pytest

from tests.system import v4l2


@pytest.mark.integration
@pytest.mark.timeout(400)
@pytest.mark.skipif(not v4l2.is_possible(), reason="there is no guest for it: make v4l2")
def test_a_v4l2_camera_is_read_and_comes_back_after_it_was_unplugged() -> None:
    seen = v4l2.run()
    assert seen["shapes"] == seen["again"] == [[360, 640]]
    assert seen["states"] == {"front": "ok", "absent": "failed"}
    assert seen["noticed_s"] < 3
    assert seen["back_s"] < 5
