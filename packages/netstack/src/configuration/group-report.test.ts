/** Goal: queries are read as RFC 3376 and RFC 3810 write them, whatever others send; reports fit their link. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { makeV4 } from "../ip-address.ts";
import { ipOfText } from "../ip-text.ts";
import type { IpDevice } from "../ip-host.ts";
import { IS_EXCLUDE, readQuery, sendReports } from "./group-report.ts";

const GROUP = [239, 1, 2, 3];

function query(...bytes: number[]): ReturnType<typeof readQuery> {
  return readQuery(Uint8Array.from([9, ...bytes]), 1, bytes.length, true);
}

describe("a query of IGMP", () => {
  it("has a version by its length, and a wait", () => {
    assert.deepEqual(query(0x11, 0, 0, 0, 0, 0, 0, 0), { group: null, sources: [], waitNs: 10e9, version: 1 });
    const group = makeV4(0xef010203);
    assert.deepEqual(query(0x11, 20, 0, 0, ...GROUP), { group, sources: [], waitNs: 2e9, version: 2 });
    assert.deepEqual(query(0x11, 20, 0, 0, ...GROUP, 0, 0, 0, 1, 192, 0, 2, 1), {
      group,
      sources: [makeV4(0xc0000201)],
      waitNs: 2e9,
      version: 3,
    });
    // Three bits of exponent, four of mantissa.
    assert.equal(query(0x11, 0x80, 0, 0, ...GROUP, 0, 0, 0, 0)!.waitNs, 128 * 1e8);
    assert.equal(query(0x11, 0xff, 0, 0, ...GROUP, 0, 0, 0, 0)!.waitNs, 31 * 1024 * 1e8);
  });

  it("of another length, of no group, or with fewer sources than it says is none", () => {
    for (const bytes of [
      [0x11, 20, 0, 0, ...GROUP, 0],
      [0x11, 20, 0, 0, 10, 0, 0, 1],
      [0x11, 20, 0, 0, ...GROUP, 0, 0, 0, 2, 192, 0, 2, 1],
      [0x11, 20, 0, 0, ...GROUP, 0, 0, 255, 255],
      [0x11, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 192, 0, 2, 1],
      [0x16, 20, 0, 0, ...GROUP],
      [0x11],
      [],
    ])
      assert.equal(query(...bytes), null, bytes.join(" "));
  });
});

it("records that one packet doesn't take go by several", () => {
  const lengths: number[] = [];
  let records = 0;
  const device: IpDevice = {
    index: 1,
    mtu: 1500,
    mtuV6: 1280,
    hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 1),
    isEthernet: true,
    asksNeighbours: true,
    isUp: true,
    isLoopback: false,
    transmit: (bytes, length) => {
      lengths.push(length);
      records += (bytes[14 + 48 + 6]! << 8) | bytes[14 + 48 + 7]!;
    },
  };
  const group = ipOfText("ff05::1")!;
  const sources = Array.from({ length: 64 }, (_, at) => ipOfText(`2001:db8::${(at + 1).toString(16)}`)!);
  const many = Array.from({ length: 200 }, () => ({ kind: IS_EXCLUDE, group, sources: [] as typeof sources }));
  sendReports(device, ipOfText("fe80::1")!, [...many, { kind: IS_EXCLUDE, group, sources }, ...many]);
  assert.equal(records, 401);
  assert.ok(
    lengths.every((length) => length <= 14 + 1280),
    lengths.join(" "),
  );
  const long = Array.from({ length: 200 }, () => group);
  lengths.length = 0;
  sendReports(device, ipOfText("fe80::1")!, [{ kind: IS_EXCLUDE, group, sources: long }]);
  assert.equal(lengths.length, 1, "of more sources than there is room for the first are named");
  assert.ok(lengths[0]! <= 14 + 1280);
});
