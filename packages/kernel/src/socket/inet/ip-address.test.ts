/** Numeric addresses: RFC 4291, and the canonical text of RFC 5952. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { canonicalIp, isLinkLocal, isLoopback, isMulticast, parseV4, parseV6 } from "./ip-address.ts";

it("writes IPv6 addresses in their canonical form", () => {
  const cases: [string, string | null][] = [
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["fe80::1%eth0", "fe80::1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:7", null],
    ["1::2::3", null],
    ["12345::", null],
    [":::", null],
    ["1:2:3:4:5:6:7:8:9", null],
    ["g::", null],
    ["10.0.0.1", "10.0.0.1"],
    ["10.0.0.256", null],
    ["10.0.1", null],
  ];
  for (const [text, expected] of cases) assert.equal(canonicalIp(text), expected, text);
  assert.deepEqual([...parseV4("1.2.3.4")!], [1, 2, 3, 4]);
  assert.deepEqual([...parseV6("1.2.3.4")!], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4]);
});

it("knows the kinds of addresses", () => {
  assert.deepEqual(["127.0.0.53", "::1", "128.0.0.1", "127::1"].map(isLoopback), [true, true, false, false]);
  assert.deepEqual(["224.0.0.1", "239.1.1.1", "240.0.0.1", "ff02::1", "fe80::1"].map(isMulticast), [
    true,
    true,
    false,
    true,
    false,
  ]);
  assert.deepEqual(["169.254.1.1", "fe80::1", "febf::1", "fec0::1"].map(isLinkLocal), [true, true, true, false]);
});
