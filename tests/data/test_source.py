import gzip

import pytest
import zstandard

from data.loaders.source import CHUNK, open_bytes

PLAIN = b"".join(b"%d is the square of %d\n" % (k * k, k) for k in range(200_000))


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


PACKERS = {"": bytes, ".zst": zstd, ".gz": gzip.compress}


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("frames", [1, 3])
def test_a_file_comes_back_whole(tmp_path, ending, frames):
    path = tmp_path / f"squares.txt{ending}"
    path.write_bytes(PACKERS[ending](PLAIN) * frames)
    assert len(PLAIN) > CHUNK
    with open_bytes(path) as stream:
        assert stream.read() == PLAIN * frames
    with open_bytes(path) as stream:
        assert sum(1 for _ in stream) == 200_000 * frames


@pytest.mark.parametrize("ending", [".zst", ".gz"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_file_that_was_cut_off_is_no_shorter_file(tmp_path, ending, share):
    path = tmp_path / f"squares.txt{ending}"
    packed = PACKERS[ending](PLAIN)
    path.write_bytes(packed[: int(share * len(packed))])
    with open_bytes(path) as stream, pytest.raises(EOFError):
        stream.read()


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "x.zst"
    path.write_bytes(b"not compressed at all")
    with open_bytes(path) as stream, pytest.raises(zstandard.ZstdError):
        stream.read()
