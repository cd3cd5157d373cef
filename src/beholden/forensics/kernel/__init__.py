"""Scanning at the speed of memory: who of millions stands in these bytes.

Two steps. `Index.of(values, key)` makes, once, what is looked for: `values` are `(kind, person, value)`, `key` is 16 to
32 secret bytes. `scan(buffer, index, binary=...)` then says where which of them stand, and nothing else is a hit: each
is compared by its whole keyed digest. An index holds digests, not values: `auditor.to_bytes(index)` is a file for an
outside auditor, who searches with `auditor.from_bytes(file, key)`.

    index = Index.of([(Kind.EMAIL, person, "ann@mail.example"), (Kind.PHONE, person, "+1 555 234 5678")], key)
    found = scan(buffer, index, binary=False)
    found.start, found.end, found.kind, found.person, found.certain    # numpy columns of one length, by place
    for hit in found: ...                                              # the same one by one, as `Hit`
    total = Tested(); total.add(found.tested); total.of(Shape.PHONE)   # how many candidates were compared
    sum(index.expected(total).values())                                # how many hits chance alone would have given
    for window, found in sweep(read, size, index, binary=False): ...   # any size in windows, each hit exactly once

`scan` releases the GIL: threads scale. `own=(a, b)` keeps only the hits that begin there; hits depend on at most
`MARGIN` bytes to either side of where they begin, so windows that overlap by it give each hit once.

**What a value is** (`values.keys` is the one place): addresses are folded as `spelling.fold` does; phones are digits
without leading zeros and, for numbering plan 1, without its 1; a phone of another country is known with and without
its country's code. Ids that are digits are NUMBERs (also found as 6- and 8-byte integers in binary); other ids are
TOKENs; app-scoped ids are SCOPED; digests of addresses or phones are HEX of 32, 40 or 64. A canary is what it looks
like.

**Text** (`binary=False`): a candidate ends where its characters end, and every hit is `certain`. `joann@x` is not
`ann@x`. Quotes and punctuation about an address are cut, `%40`, `=40` and `\\u0040` are an `@`; phones may have one or
two of ` -.()/` between groups of digits.

**Binary** (`binary=True`: database pages, blocks with zeros): values may stand side by side without anything between,
so every cut of a run is compared. A hit whose ends nothing explains is not `certain`. What explains an end: the run
ends there; PostgreSQL's length byte before it; an id of the same person right before it; a capital after a domain.
A name before it is for the caller to see, who knows names.

UTF-16 is for the caller to narrow first; characters beyond Latin-1 that are no letters must become a byte that no
value has, such as a space.
"""
