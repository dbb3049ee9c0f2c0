/** Numeric addresses: RFC 4291, and the canonical text of RFC 5952. */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  broadcastOf,
  ipBytes,
  isInPrefix,
  isLinkLocal,
  isLoopback,
  isMulticast,
  netmaskOf,
  prefixOf,
  readV6,
} from "./ip-address.ts";
import { ipOfText, textOfIp } from "./ip-text.ts";

const ip = (text: string): Uint32Array => ipOfText(text)!;

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
    ["255.255.255.255", "255.255.255.255"],
    ["10.0.0.256", null],
    ["10.0.1", null],
  ];
  for (const [text, expected] of cases) {
    const parsed = ipOfText(text);
    assert.equal(parsed === null ? null : textOfIp(parsed), expected, text);
  }
});

it("turns addresses into the bytes of their kind and back", () => {
  assert.deepEqual([...ipBytes(ip("201.2.3.254"))], [201, 2, 3, 254]);
  const bytes = Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88);
  assert.deepEqual(ipBytes(readV6(bytes, 0, new Uint32Array(4))), bytes);
});

it("knows the kinds of addresses", () => {
  const kinds = (texts: string[], is: (address: Uint32Array) => boolean): boolean[] =>
    texts.map((text) => is(ip(text)));
  assert.deepEqual(kinds(["127.0.0.53", "::1", "128.0.0.1", "127::1"], isLoopback), [true, true, false, false]);
  assert.deepEqual(kinds(["224.0.0.1", "239.1.1.1", "240.0.0.1", "ff02::1", "fe80::1"], isMulticast), [
    true,
    true,
    false,
    true,
    false,
  ]);
  assert.deepEqual(kinds(["169.254.1.1", "fe80::1", "febf::1", "fec0::1"], isLinkLocal), [true, true, true, false]);
});

it("knows what belongs to a prefix", () => {
  const cases: [string, string, number, boolean][] = [
    ["10.1.2.3", "10.1.0.0", 16, true],
    ["10.2.2.3", "10.1.0.0", 16, false],
    ["10.1.0.3", "10.1.0.0", 30, true],
    ["10.1.0.4", "10.1.0.0", 30, false],
    ["203.0.113.9", "0.0.0.0", 0, true],
    ["2001:db8::1", "0.0.0.0", 0, false],
    ["2001:db8:0:8000::1", "2001:db8::", 48, true],
    ["2001:db8:1::1", "2001:db8::", 48, false],
    ["2001:db8::1", "2001:db8::2", 127, false],
    ["2001:db8::3", "2001:db8::2", 127, true],
    ["10.0.0.1", "::", 0, false],
  ];
  for (const [address, prefix, length, expected] of cases)
    assert.equal(isInPrefix(ip(address), ip(prefix), length), expected, `${address} in ${prefix}/${length}`);
  assert.equal(textOfIp(prefixOf(ip("10.1.2.3"), 12)), "10.0.0.0");
  assert.equal(textOfIp(prefixOf(ip("2001:db8:ffff::1"), 33)), "2001:db8:8000::");
  assert.deepEqual(
    [0, 8, 31, 32].map((length) => textOfIp(netmaskOf(length))),
    ["0.0.0.0", "255.0.0.0", "255.255.255.254", "255.255.255.255"],
  );
  assert.deepEqual(
    [8, 30, 31].map((length) => textOfIp(broadcastOf(ip("10.1.2.5"), length))),
    ["10.255.255.255", "10.1.2.7", "0.0.0.0"],
  );
});
