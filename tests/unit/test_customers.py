"""The store of customers: held against a dict over tapes of operations, with `check` after every one."""

import random

import pytest

from fairlead.customers.face import CustomersFace

CUSTOMERS = 200_000


def profile(rng: random.Random) -> tuple[bytes, bytes, bytes, int, list[tuple[bytes, bytes]]]:
    keys = rng.sample([b"a", b"b", b"c", b"d", b"e"], rng.randint(0, 4))
    return (
        rng.choice([b"", b"gold", b"silver"]),
        rng.choice([b"", b"en", b"de-CH"]),
        rng.choice([b"", b"ann", b"x" * 128]),
        rng.choice([0, 1, 10**12, rng.randint(0, 10**12)]),
        [(key, rng.randbytes(rng.choice([1, 3, 128]))) for key in keys],
    )


@pytest.mark.parametrize("seed", range(8))
def test_the_store_is_a_dict(seed: int) -> None:
    rng = random.Random(seed)
    store, known = CustomersFace(seed), {}
    ids = [rng.randbytes(rng.choice([1, 8, 36, 128])) for _ in range(rng.choice([5, 60, 300]))]
    for step in range(2_000):
        key = rng.choice(ids)
        # More goes out than comes in now and then, so that ids are packed.
        if rng.random() < (0.7 if step // 300 % 2 else 0.2):
            assert store.remove(key) == (known.pop(key, None) is not None)
        else:
            value = profile(rng)
            assert store.put(key, *value) == (key not in known)
            known[key] = value
        probe = rng.choice(ids)
        assert store.get(probe) == known.get(probe)
        assert len(store) == len(known)
        assert store.check()
    for key in ids:
        assert store.get(key) == known.get(key)


def test_nothing_is_found_in_an_empty_store() -> None:
    store = CustomersFace()
    assert (store.get(b"x"), store.remove(b"x"), len(store), store.check()) == (None, False, 0, True)
    store.put(b"x")
    assert store.remove(b"x")
    assert not store.remove(b"x")
    assert (store.get(b"x"), len(store), store.check()) == (None, 0, True)


def test_texts_of_the_longest_sizes_are_kept() -> None:
    store = CustomersFace()
    long = (
        b"t" * 128,
        b"l" * 126,
        b"o" * 128,
        10**12,
        [(b"k" * 126, b"v" * 128)] + [(bytes([65 + n]), b"v") for n in range(3)],
    )
    assert store.put(b"i" * 128, *long)
    assert store.get(b"i" * 128) == long
    with pytest.raises(ValueError, match="at most"):
        store.put(b"i" * 129)


def test_a_customer_costs_48_bytes_and_the_id() -> None:
    store = CustomersFace()
    for number in range(CUSTOMERS):
        store.put(b"customer-%06d" % number, b"gold", b"en", b"ann", number, [(b"segment", b"shop")])
    assert store.check()
    each = store.size() / CUSTOMERS - len(b"customer-000000")
    assert each < 49.5, each
