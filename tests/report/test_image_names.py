"""Names of images are short, and no two are the same.

SPDX-License-Identifier: Apache-2.0
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrlens.report import name_images


@pytest.mark.parametrize(
    ("images", "names"),
    [
        (["a/b/1.png"], ["1"]),
        (["a/1.png", "a/2.dcm"], ["1", "2"]),
        (["a/1.png", "a/1.png"], ["1"]),
        (["a/1.png", "b/1.png", "b/2.png"], ["a_1", "b_1", "2"]),
        (["p1/s1/v.png", "p1/s2/v.png", "p2/s1/v.png"], ["p1_s1_v", "p1_s2_v", "p2_s1_v"]),
        (["/a/x/1.png", "/b/x/1.png"], ["a_x_1", "b_x_1"]),
        (["1.png", "a/1.png"], ["1", "a_1"]),
        (["a/1.png", "a/1.jpg"], ["1.png", "1.jpg"]),
        (["a/1.png", "a/1.jpg", "b/1.png"], ["a_1.png", "a_1.jpg", "b_1.png"]),
        (["a_b/c/1.png", "a/b_c/1.png"], ["c_1", "b_c_1"]),
        (["a_b/c/1.png", "a/b_c/1.png", "c/1.png"], ["a_b/c/1.png", "a/b_c/1.png", "c_1"]),
        (["a/1.png", "b/1.png", "a_1.png"], ["a/1.png", "b_1", "a_1.png"]),
        (["/c/patient1/study2/view1_frontal.jpg"], ["view1_frontal"]),
        (
            ["/c/patient1/study2/view1_frontal.jpg", "/c/patient1/study2/view2_lateral.jpg"],
            ["patient1_study2_view1_frontal", "patient1_study2_view2_lateral"],
        ),
        (
            ["train/patient1/study1/view1.jpg", "valid/patient1/study1/view1.jpg"],
            ["train_patient1_study1_view1", "valid_patient1_study1_view1"],
        ),
    ],
)
def test_the_end_of_the_path_as_far_as_it_takes(images: list[str], names: list[str]) -> None:
    found = name_images(images)
    assert list(found) == list(dict.fromkeys(images))
    assert list(found.values()) == names


PARTS = st.lists(st.sampled_from(["a", "b", "a_b", "b_a"]), max_size=3)
PATHS = st.builds(
    lambda root, folders, name: root + "/".join([*folders, name]),
    st.sampled_from(["", "/"]),
    PARTS,
    st.sampled_from(["a", "a.png", "a.jpg", "a.png.jpg", "b_a.png", "a_b_a.png"]),
)


@given(st.lists(PATHS, max_size=12))
def test_no_two_images_have_the_same_name(images: list[str]) -> None:
    names = name_images(images)
    assert set(names) == set(images)
    assert len(set(names.values())) == len(names)
