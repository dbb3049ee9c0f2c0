/**
 * Goal: ipset(8) gets what it gets from Linux. Method: what it sent to Linux 6.18 and got was recorded
 * (../testing/ipset.json, each command's messages); the same is sent here. Not compared: where Linux has its elements,
 * the seed of its hash and its memory, and how long elements have left.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import {
  IPSET_ATTR_ADT,
  IPSET_ATTR_DATA,
  IPSET_ATTR_INITVAL,
  IPSET_ATTR_MEMSIZE,
  IPSET_ATTR_TIMEOUT,
  NLMSG_DONE,
  NLMSG_ERROR,
} from "@stratos/abi";
import { Client } from "../testing/client.ts";
import { eachAttribute } from "../wire/attributes.ts";

interface Exchange {
  readonly command: string;
  readonly sent: string;
  readonly got: readonly string[];
}

const RECORDED = JSON.parse(
  readFileSync(new URL("../testing/ipset.json", import.meta.url), "utf8"),
) as readonly Exchange[];

function text(bytes: Uint8Array, skipped: readonly number[] = []): string {
  return [...eachAttribute(bytes)]
    .filter(({ type }) => !skipped.includes(type))
    .map(({ type, value }) => `${type}=${Buffer.from(value).toString("hex")}`)
    .join(" ");
}

/** What is compared of the messages of a datagram. */
function comparable(datagram: Uint8Array): string[] {
  const told: string[] = [];
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  for (let at = 0; at + 16 <= datagram.length;) {
    const length = view.getUint32(at, true);
    const type = view.getUint16(at + 4, true);
    const message = datagram.subarray(at, at + length);
    at += (length + 3) & ~3;
    if (type === NLMSG_DONE) continue;
    if (type === NLMSG_ERROR) {
      told.push(`error ${new DataView(message.buffer, message.byteOffset).getInt32(16, true)}`);
      continue;
    }
    const parts = [...eachAttribute(message, 20)].map(({ type: each, value }) => {
      if (each === IPSET_ATTR_ADT)
        return [...eachAttribute(value)].map((one) => text(one.value, [IPSET_ATTR_TIMEOUT])).sort();
      if (each === IPSET_ATTR_DATA) return text(value, [IPSET_ATTR_INITVAL, IPSET_ATTR_MEMSIZE]);
      return `${each}=${Buffer.from(value).toString("hex")}`;
    });
    told.push(JSON.stringify([type, Buffer.from(message.subarray(16, 20)).toString("hex"), ...parts]));
  }
  return told;
}

describe("ipset", () => {
  const client = new Client();
  for (const [at, { command, sent, got }] of RECORDED.entries())
    it(`${at}: ${command}`, () => {
      const answers = client.send(Buffer.from(sent, "hex")).flatMap((one) => comparable(Uint8Array.from(one)));
      assert.deepEqual(
        answers,
        got.flatMap((one) => comparable(Uint8Array.from(Buffer.from(one, "hex")))),
      );
    });
});
