"""What the processes behind one socket know together is what one process would know alone."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from botocore.auth import SigV4Auth
from hypothesis import given
from hypothesis import strategies as st
from signed_requests import NOW, OneKey, signed, v2

from cfnlib.errors import StoreError
from cfnlib.identity import Gate, Refusal, RefusedError
from cfnlib.identity.between import Between
from cfnlib.identity.replay import Seen, SeenBetween
from cfnlib.web import Quota, QuotaBetween

PROCESSES = st.integers(0, 2)


@given(
    st.lists(st.tuples(PROCESSES, st.sampled_from("abcdef"), st.floats(0, 8)), max_size=40),
    st.floats(0.5, 12),
)
def test_a_signature_that_one_process_has_seen_all_have_seen(asked, again_s):
    with TemporaryDirectory() as folder:
        several = [Between(Path(folder)) for _ in range(3)]
        together = [SeenBetween(one, again_s=again_s) for one in several]
        alone, now = Seen(again_s=again_s), 1000.0
        signed = {}
        for process, signature, pause in asked:
            now += pause
            until = signed.setdefault(signature, now) + 900.0
            assert together[process].fresh(signature, now, until) == alone.fresh(signature, now, until)
        assert {len(one) for one in together} == {len(alone)}
        for one in several:
            one.close()


@given(
    st.lists(st.tuples(PROCESSES, st.sampled_from("ab"), st.integers(0, 64)), max_size=60),
    st.integers(1, 10),
    st.sampled_from([0.25, 0.5, 2.0]),
)
def test_processes_give_from_the_same_bucket(asked, burst, per_s):
    now = [0.0]
    with TemporaryDirectory() as folder:
        several = [Between(Path(folder)) for _ in range(3)]
        together = [QuotaBetween(one, per_s, burst, now=lambda: now[0]) for one in several]
        alone = Quota(per_s, burst, now=lambda: now[0])
        for process, account, eighths in asked:
            now[0] += eighths / 8  # exact, so that both count to the same number
            assert together[process].allows(account) == alone.allows(account)
        for one in several:
            one.close()


def test_what_has_ended_is_forgotten_and_what_ends_first_makes_room(tmp_path):
    between = Between(tmp_path)
    seen = SeenBetween(between, again_s=10.0, most=3)
    for number in range(5):
        assert seen.fresh(f"early {number}", 1000.0, 1900.0 + number)
    assert seen.fresh("later", 1100.0, 2000.0)
    assert len(seen) == 4
    assert not seen.fresh("early 4", 1101.0, 1904.0)
    assert seen.fresh("last", 2500.0, 3400.0)
    assert len(seen) == 1
    between.close()


def gates(folder, *, count=2):
    """Gates of so many processes, and the clock that they share."""
    now = [NOW]
    return [Gate(OneKey(), now=lambda: now[0], between=Between(folder)) for _ in range(count)], now


@pytest.mark.parametrize("asked", [(signed(SigV4Auth, body=b"Action=A"), ()), v2({"Action": "A"})], ids=["v4", "v2"])
def test_a_request_that_was_overheard_is_refused_by_every_process(tmp_path, asked):
    (one, other), now = gates(tmp_path)
    assert one.admit(*asked)
    assert other.admit(*asked)  # a client may ask the same thing twice within a second
    now[0] += 60
    for gate in (other, one):
        with pytest.raises(RefusedError) as caught:
            gate.admit(*asked)
        assert caught.value.refusal is Refusal.REPLAYED


def test_nobody_comes_in_while_it_cannot_be_told_what_came_before(tmp_path):
    (one, _), _ = gates(tmp_path)
    one._seen._between.close()
    with pytest.raises(RefusedError) as caught:
        one.admit(signed(SigV4Auth, body=b"Action=A"), ())
    assert caught.value.refusal is Refusal.UNAVAILABLE


def test_a_folder_without_room_for_the_file_is_said(tmp_path):
    (tmp_path / "between.sqlite").mkdir()
    with pytest.raises(StoreError, match=r"between\.sqlite"):
        Between(tmp_path)
