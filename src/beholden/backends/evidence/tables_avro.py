"""Avro object container files: their blocks, each with its own place, and the records in them as rows."""

import bz2
import json
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import zstandard

from beholden.backends.evidence.archives.engines import ZSTD_WINDOW
from beholden.backends.evidence.archives.spool import LZMA_MEMORY, Stopped, as_written, made
from beholden.forensics.containers import Budget, Form, Stop
from beholden.forensics.ports import Entry
from beholden.forensics.region import Region
from beholden.forensics.rows import line
from beholden.forensics.source import Part, Source
from beholden.model.errors import BadInput

MAX_HEADER = 4 << 20
MAX_BLOCK = 256 << 20
MAX_DEPTH = 64
_MAGIC = b"Obj\x01"
_Read = Callable[["_Bytes", int], object]


class _Bytes:
    """Bytes that are read one value after the other. Raises ValueError at their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, length: int) -> bytes:
        """The next bytes."""
        if length < 0 or self.at + length > len(self._data):
            raise ValueError("beyond the end")
        self.at += length
        return self._data[self.at - length : self.at]

    def number(self) -> int:
        """A number as Avro writes it: seven bits a byte, the sign in the lowest."""
        value = shift = 0
        while shift < 70:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7
        raise ValueError("too long a number")


def avro(budget: Budget, source: Source) -> Iterator[Entry]:
    """The blocks of an Avro file. Raises BadInput where its header cannot be read."""
    head = _Bytes(source.read(0, MAX_HEADER))
    try:
        head.take(4)
        said = _metadata(head)
        mark = head.take(16)
        read = _Schema().reader(json.loads(said[b"avro.schema"]), 0)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(f"The header of the Avro file cannot be read ({type(error).__name__}).") from error
    codec = said.get(b"avro.codec", b"null").decode("latin-1")
    yield as_written("header", source, ((0, head.at),))
    at, number = head.at, 0
    while at < source.size:
        block = _Bytes(source.read(at, 24))
        try:
            count, size = block.number(), block.number()
        except ValueError:
            count = size = -1
        start = at + block.at
        if count < 0 or not 0 <= size <= source.size - start - 16 or source.read(start + size, 16) != mark:
            following = _after(source, mark, at)
            yield made(budget, f"block {number}", _broken, covers=((at, following - at),), region=Region.MEMBER)
            at = following
        else:
            part = Part(source, start, size)
            pieces = partial(_rows, part, codec, count, read)
            yield made(budget, f"block {number}", pieces, covers=((start, size),), region=Region.MEMBER, form=Form.ROWS)
            at = start + size + 16
        number += 1


def _broken() -> Iterator[bytes]:
    yield b""
    raise Stopped(Stop.CORRUPT)


def _after(source: Source, mark: bytes, at: int) -> int:
    """Where the next block may begin: behind the next mark that ends one."""
    while at < source.size:
        place = source.read(at, (1 << 20) + 15).find(mark)
        if place >= 0:
            return at + place + 16
        at += 1 << 20
    return source.size


def _metadata(head: _Bytes) -> dict[bytes, bytes]:
    said: dict[bytes, bytes] = {}
    while count := head.number():
        if count < 0:
            head.number()
        for _ in range(abs(count)):
            key = head.take(head.number())
            said[key] = head.take(head.number())
    return said


def _rows(part: Part, codec: str, count: int, read: _Read) -> Iterator[bytes]:
    if codec not in _CODECS:
        raise Stopped(Stop.METHOD)
    if part.size > MAX_BLOCK:
        raise Stopped(Stop.TOO_LARGE)
    data = _Bytes(_CODECS[codec](part.read(0, part.size)))
    for _ in range(count):
        before = data.at
        yield line([read(data, 0)])
        if data.at == before:
            raise Stopped(Stop.RATIO)  # records of no length, of which a few bytes may announce any number


def _inflated(data: bytes) -> bytes:
    engine = zlib.decompressobj(-15)
    made_ = engine.decompress(data, MAX_BLOCK)
    if not engine.eof:
        raise ValueError("too large or broken")
    return made_


def _bounded(engine: Any, data: bytes) -> bytes:
    made_: bytes = engine.decompress(data, MAX_BLOCK)
    if not engine.eof:
        raise ValueError("too large or broken")
    return made_


def _zstd(data: bytes) -> bytes:
    with zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).stream_reader(data) as reader:
        made_ = reader.read(MAX_BLOCK)
        if reader.read(1):
            raise ValueError("too large")
        return made_


def _snappy(data: bytes) -> bytes:
    size = shift = 0
    for byte in data[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if size > min(MAX_BLOCK, 100 * len(data)):
        raise ValueError("too large")
    return bytes(pa.Codec("snappy").decompress(data[:-4], size, asbytes=True))


_CODECS: dict[str, Callable[[bytes], bytes]] = {
    "null": lambda data: data,
    "deflate": _inflated,
    "bzip2": lambda data: _bounded(bz2.BZ2Decompressor(), data),
    "xz": lambda data: _bounded(lzma.LZMADecompressor(memlimit=LZMA_MEMORY), data),
    "zstandard": _zstd,
    "snappy": _snappy,
}
_PRIMITIVE: dict[str, _Read] = {
    "null": lambda _data, _: None,
    "boolean": lambda data, _: data.take(1) != b"\x00",
    "int": lambda data, _: data.number(),
    "long": lambda data, _: data.number(),
    "float": lambda data, _: struct.unpack("<f", data.take(4))[0],
    "double": lambda data, _: struct.unpack("<d", data.take(8))[0],
    "bytes": lambda data, _: data.take(data.number()),
    "string": lambda data, _: data.take(data.number()),
}


class _Schema:
    """How the values of a schema are read. Types that have a name may be used again, within themselves too."""

    def __init__(self) -> None:
        self._named: dict[str, _Read] = {}

    def reader(self, schema: Any, depth: int) -> _Read:
        """How a value of this type is read. Raises ValueError where the schema makes no sense."""
        if depth > MAX_DEPTH:
            raise ValueError("too deep")
        if isinstance(schema, list):
            return partial(_union, [self.reader(one, depth + 1) for one in schema])
        if isinstance(schema, str):
            return _PRIMITIVE.get(schema) or partial(self._by_name, schema)
        kind = schema["type"]
        if kind in ("record", "error"):
            fields: list[_Read] = []
            self._name(schema, partial(_record, fields))
            fields += [self.reader(field["type"], depth + 1) for field in schema["fields"]]
            return partial(_record, fields)
        if kind == "fixed":
            return self._name(schema, partial(_fixed, int(schema["size"])))
        if kind == "enum":
            return self._name(schema, partial(_symbol, [str(one) for one in schema["symbols"]]))
        if kind == "array":
            return partial(_blocks, self.reader(schema["items"], depth + 1))
        if kind == "map":
            return partial(_blocks, partial(_pair, self.reader(schema["values"], depth + 1)))
        return self.reader(kind, depth + 1)

    def _name(self, schema: dict[str, Any], read: _Read) -> _Read:
        name = str(schema["name"])
        self._named[name] = self._named[name.rpartition(".")[2]] = read
        return read

    def _by_name(self, name: str, data: _Bytes, depth: int) -> object:
        read = self._named.get(name) or self._named.get(name.rpartition(".")[2])
        if read is None:
            raise ValueError("an unknown type")
        return read(data, depth + 1)


def _union(choices: list[_Read], data: _Bytes, depth: int) -> object:
    number = data.number()
    if not 0 <= number < len(choices):
        raise ValueError("no such branch")
    return choices[number](data, depth + 1)


def _record(fields: list[_Read], data: _Bytes, depth: int) -> object:
    if depth > MAX_DEPTH:
        raise ValueError("too deep")
    return [read(data, depth + 1) for read in fields]


def _fixed(size: int, data: _Bytes, _: int) -> object:
    return data.take(size)


def _symbol(symbols: list[str], data: _Bytes, _: int) -> object:
    number = data.number()
    return symbols[number] if 0 <= number < len(symbols) else ""


def _pair(read: _Read, data: _Bytes, depth: int) -> object:
    return [data.take(data.number()), read(data, depth + 1)]


def _blocks(read: _Read, data: _Bytes, depth: int) -> object:
    found: list[object] = []
    while count := data.number():
        if count < 0:
            data.number()
        for _ in range(abs(count)):
            before = data.at
            found.append(read(data, depth + 1))
            if data.at == before and len(found) > 1000:
                raise ValueError("items of no length")
    return found
