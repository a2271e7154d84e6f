"""What storage counts for moves with one more megawatt of anything: against the equivalent found again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from capacity.adequacy.storage import Store
from capacity.explain.group_store import GroupStore
from cuda_kernels import headroom_mw
from cuda_kernels.storage_dispatch import storage_headroom_mw

HOURS, SHARE = 24 * 30, 0.01
NAMEPLATE = np.array([500.0, 100.0])


def store(nameplate):
    return Store(0.9 * nameplate, 3.1 * nameplate, np.full(nameplate.shape, 0.85))


def counted(apart, nameplate):
    """Constant capacity that leaves room for the load that the dispatched store does."""
    share = np.array([[SHARE]])
    load = storage_headroom_mw(apart[None], *store(np.array([nameplate])), share).headroom_mw[0, 0]

    def short_of(capacity):
        return headroom_mw((apart + capacity)[None], np.ones((1, 1)), share).headroom_mw[0, 0] - load

    return brentq(short_of, 0.0, 0.9 * nameplate, xtol=1e-10)


def case(seed):
    rng = np.random.default_rng(seed)
    cycle = 900.0 + 1100.0 * np.sin(np.arange(HOURS) / 24 * 2 * np.pi)
    apart = 0.5 * np.stack([cycle + 500.0 * rng.random(HOURS) + 300.0 for _ in range(2)], axis=1)
    outputs = [{"constant": np.ones(HOURS), "solar": rng.random(HOURS)} for _ in range(2)]
    return apart, outputs


def test_what_stores_count_for_moves_as_if_it_were_found_again():
    checked = 0
    for seed in range(8):
        apart, outputs = case(seed)
        total, whole = apart.sum(axis=1), NAMEPLATE.sum()
        now = counted(total, whole)
        each = now * NAMEPLATE / whole
        stores = [Store(*(np.array([[value]]) for value in store(mw))) for mw in NAMEPLATE]
        known = GroupStore.of(stores, (apart + each, each, NAMEPLATE), (0, 0), SHARE)
        found = known._moves(outputs)
        more = {(i, name): output for i, every in enumerate(outputs) for name, output in every.items()}
        for (i, name), output in more.items():
            up, down = ((counted(total + step * output, whole) - now) / step for step in (1e-3, -1e-3))
            if abs(up - down) < 1e-3:
                assert found[i][name] == pytest.approx(up, rel=1e-3, abs=1e-3)
                checked += 1
        up, down = ((counted(total, whole + step) - now) / step for step in (1e-3, -1e-3))
        if abs(up - down) < 1e-3:
            assert found[1]["storage"] == pytest.approx(up, rel=1e-3, abs=1e-3)
    assert checked >= 12


def test_every_area_shares_in_what_all_stores_count_for():
    """Two areas, whose firm capacity is worth 1 and 3; what is shared out goes by power, a new MW to its own area."""
    apart, outputs = case(0)
    each = counted(apart.sum(axis=1), NAMEPLATE.sum()) * NAMEPLATE / NAMEPLATE.sum()
    stores = [Store(*(np.array([[value]]) for value in store(mw))) for mw in NAMEPLATE]
    known = GroupStore.of(stores, (apart + each, each, NAMEPLATE), (0, 0), SHARE)
    held = known.held_adds([{"units": 0.9, "constant": 1.0, "solar": 0.2}, {"constant": 3.0, "solar": 0.6}], 1.1)
    worth = each.sum() / NAMEPLATE.sum()
    assert [one["storage"] for one in held] == pytest.approx([1.1 * worth, 3.3 * worth])
    found = known.found_again(held, outputs, 1.1)
    moved, shared = known._moves(outputs), 1.1 * (1.0 * 5.0 + 3.0 * 1.0) / 6.0
    for i, one in enumerate(found):
        assert one["solar"] == pytest.approx(held[i]["solar"] + shared * moved[i]["solar"])
        own = (1.1 * (1.0, 3.0)[i] - shared) * worth
        assert one["storage"] == pytest.approx(shared * moved[i]["storage"] + own)
    assert found[0]["units"] == pytest.approx(0.9 + shared * moved[0]["constant"] / 1.1)


def test_without_stores_or_room_nothing_is_found_again():
    apart, outputs = case(0)
    none = Store(*(np.zeros((1, 1)) for _ in range(3)))
    mw = apart, np.zeros(2), NAMEPLATE
    assert GroupStore.of([none, none], mw, (0, 0), SHARE) is None
    assert GroupStore.of([None, none], mw, (0, 0), SHARE) is None
    stores = [Store(*(np.array([[value]]) for value in store(mw))) for mw in NAMEPLATE]
    full = GroupStore.of(stores, (apart - 9000.0, np.zeros(2), NAMEPLATE), (0, 0), SHARE)
    assert full.found_again([{"constant": 1.0}, {"constant": 1.0}], outputs) == []
    assert full.charge_mwh(0.0).max() <= 3.1 * NAMEPLATE.sum()
