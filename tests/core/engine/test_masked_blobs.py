from __future__ import annotations

import base64

import pytest

from core.engine.mask import Mask
from core.engine.masked_blobs import AT_ONCE, MaskedBlobs
from core.engine.memory_blobs import MemoryBlobs

KEY = 'sk-"planted"-7'


@pytest.mark.parametrize("size", [0, AT_ONCE])
async def test_a_kept_file_holds_no_secret_in_any_form(size: int) -> None:
    blobs = MaskedBlobs(MemoryBlobs(), Mask({"key": KEY}))
    data = b"\xff\x00" + KEY.encode() + b" " + base64.b64encode(KEY.encode()) + b"." * size
    ref = await blobs.put(data, "text/plain", f"of {KEY}.txt")
    kept = await blobs.get(ref.hash)
    assert base64.b64encode(KEY.encode()).rstrip(b"=") not in kept
    assert kept.startswith(b"\xff\x00[secret key] [secret key]")
    assert (ref.name, ref.size) == ("of [secret key].txt", len(kept))


async def test_other_bytes_are_kept_as_they_are() -> None:
    blobs = MaskedBlobs(MemoryBlobs(), Mask({"key": KEY}))
    data = bytes(range(256))
    ref = await blobs.put(data, "application/octet-stream", "x")
    assert await blobs.get(ref.hash) == data


async def test_a_secret_that_is_used_later_is_masked_from_then_on() -> None:
    mask = Mask()
    blobs = MaskedBlobs(MemoryBlobs(), mask)
    before = await blobs.put(KEY.encode(), "text/plain")
    mask.add("key", KEY)
    after = await blobs.put(KEY.encode(), "text/plain")
    assert (await blobs.get(before.hash), await blobs.get(after.hash)) == (KEY.encode(), b"[secret key]")
