"""A run that was stopped goes on: what is finished is kept, and every reason known is accounted for."""

from __future__ import annotations

from collections import Counter

from tests.stateful.__main__ import RESULT, keep
from tests.stateful.campaign import ROOT
from tests.stateful.reasons import OUT_OF_REACH, known, never
from tests.stateful.record import Kept, Record


def test_kept__file_read_again__has_what_was_finished(tmp_path):
    path = tmp_path / "kept" / "1.jsonl"
    first = Record(1, 2_000, 2_500, 3.5, Counter(bid=3), Counter(bid=1), Counter(), Counter({"1 sizes": 7}))
    kept = Kept(path)
    kept.add(4, first)
    kept.add(0, Record(1, 2_000, 2_100, 3.0, Counter(bid=2)))
    again = Kept(path)
    assert again.finished.keys() == {0, 4}
    assert again.finished[4] == first
    assert (Kept(path).finished[0].done, Kept(tmp_path / "none").finished) == (Counter(bid=2), {})


def test_together__of_all_episodes__is_their_sum(tmp_path):
    kept = Kept(tmp_path / "1.jsonl")
    for number in range(3):
        kept.add(number, Record(1, 2_000, 2_100, 3.0, Counter(bid=2), reasons=Counter({"auction: healthy": 1})))
    total = kept.together(3)
    assert (total.episodes, total.acts, total.done["bid"], total.reasons["auction: healthy"]) == (3, 6_300, 6, 3)
    assert "6,300 acts in 6,000 steps of 3 episodes" in "\n".join(total.table())


def test_reasons__out_of_reach__are_known_to_the_contracts():
    assert set(OUT_OF_REACH) <= known()
    assert len(known()) > 150


def test_never__of_what_was_met__leaves_the_others_but_those_out_of_reach():
    met = known() - {"auction: healthy", "auction: not frozen"}
    assert never(met) == ["auction: healthy"]


def test_keep__page__ends_with_the_last_result_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text((ROOT / "docs" / "fuzzing.md").read_text())
    keep(page, "```text\nfirst")
    keep(page, "```text\nsecond")
    assert page.read_text().split(RESULT)[1] == "\n\n```text\nsecond\n```\n"
