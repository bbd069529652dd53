"""Versions as entity tags."""

from __future__ import annotations

import pytest

from handlers.etags import etag, is_held, versions_of
from handlers.headers import BadHeader


@pytest.mark.parametrize(
    ("values", "versions"),
    [
        (['"v5"'], {5}),
        (['"v0"'], {0}),
        (['"v5", "v6"'], {5, 6}),
        (['"v5"', '"v6"'], {5, 6}),
        (['"v5",,"v6",'], {5, 6}),
        (['"v5" ,\t"other"'], {5}),
        (['W/"v5"'], set()),
        (['"5"'], set()),
        (['"v05"'], set()),
        (['"v-1"'], set()),
        (['"V5"'], set()),
        (['"v99999999999999999999"'], set()),
        (['""'], set()),
    ],
)
def test_if_match_names_versions_strongly(values: list[str], versions: set[int]) -> None:
    assert versions_of(values) == versions


def test_a_star_matches_whatever_is_there() -> None:
    assert versions_of([" * "]) is None


@pytest.mark.parametrize("value", ["v5", '"v5', 'v5"', '"v5" "v6"', "5", "", '*, "v5"', 'w/"v5"'])
def test_what_is_no_list_of_tags_is_refused(value: str) -> None:
    with pytest.raises(BadHeader, match="If-Match"):
        versions_of([value])


def test_if_none_match_compares_weakly() -> None:
    for value in (etag(5), 'W/"v5"', '"v4", "v5"', "*"):
        assert is_held([value], 5)
    for values in ([], ['"v4"'], ['"5"']):
        assert not is_held(values, 5)
