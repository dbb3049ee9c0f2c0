/** Goal: a size means the same wherever it is read. Method: what people write, and its near misses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOfSize } from "./bytes-of-size.ts";

test("a number alone is bytes, units are powers of 1024", () => {
  for (const [text, bytes] of [
    ["0", 0],
    ["104857600", 104_857_600],
    ["512B", 512],
    ["1k", 1024],
    ["512M", 512 * 2 ** 20],
    ["512 MiB", 512 * 2 ** 20],
    ["512mb", 512 * 2 ** 20],
    ["1.5G", 1.5 * 2 ** 30],
    ["16T", 2 ** 44],
    ["0.0001K", 0],
  ] as const)
    assert.equal(bytesOfSize(text), bytes, text);
});

test("what is no size, or larger than a number is exact, is refused", () => {
  for (const text of [
    "",
    " ",
    "M",
    "1.5",
    "1.M",
    ".5M",
    "-1M",
    "+1M",
    "1e6",
    "0x10",
    "1P",
    "1 KiBi",
    "1iB",
    "5%",
    "1M\n",
  ])
    assert.equal(bytesOfSize(text), undefined, JSON.stringify(text));
  assert.equal(bytesOfSize("9007199254740991"), 2 ** 53 - 1);
  for (const text of ["9007199254740992", "9999T", `${"9".repeat(400)}K`]) assert.equal(bytesOfSize(text), undefined);
});
