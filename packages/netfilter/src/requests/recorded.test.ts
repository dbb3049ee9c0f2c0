/**
 * Goal: programs that make and list rules get from this kernel what they get from Linux. Method: what nft(8) and
 * iptables(8) sent to Linux 6.18, and what they got, was recorded (../../ARCHITECTURE.md); the same is sent here,
 * and the answers are compared byte for byte, but for what Linux itself says differently each time.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import {
  NFNL_SUBSYS_NFTABLES,
  NFTA_CHAIN_FLAGS,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_USE,
  NFTA_SET_COUNT,
  NFTA_SET_ELEM_EXPIRATION,
  NFTA_SET_TYPE,
  NFT_CHAIN_BINDING,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
  NLM_F_ACK_TLVS,
  NLMSGERR_ATTR_OFFS,
  NLMSG_DONE,
  NLMSG_ERROR,
} from "@stratos/abi";
import { eachAttribute } from "../wire/attributes.ts";
import { Client } from "../testing/client.ts";

interface Exchange {
  readonly port: number;
  readonly pid: number;
  readonly name: string;
  readonly sent: string;
  readonly got: readonly string[];
}

const FOLDER = new URL("../testing/recorded/", import.meta.url);

/** What is compared of a message; null: nothing. */
function comparable(message: Uint8Array): string | null {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const type = view.getUint16(4, true);
  if (type === NLMSG_DONE) return null;
  // Of a refusal its number, of which message, and which of its attributes is to blame.
  if (type === NLMSG_ERROR)
    return `error ${view.getInt32(16, true)} of ${view.getUint32(28, true)}, about ${badAt(view)}`;
  const attributes = [...eachAttribute(message, 20)];
  if (type === ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWSET)) {
    // The address of a function there, and how many bounds a tree has.
    const kept = attributes.filter(({ type: each }) => each !== NFTA_SET_TYPE && each !== NFTA_SET_COUNT);
    return text(message.subarray(4, 20), kept);
  }
  if (type === ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWSETELEM)) {
    // In the order of a random hash there.
    const elements = attributes.find(({ type: each }) => each === 3)!.value;
    if (elements.length === 0) return null;
    // How long they have left is another thing each time.
    const sorted = [...eachAttribute(elements)].map(({ value }) => {
      const kept = [...eachAttribute(value)].filter(({ type: each }) => each !== NFTA_SET_ELEM_EXPIRATION);
      return text(new Uint8Array(0), kept);
    });
    sorted.sort();
    return `${text(message.subarray(4, 20), attributes.slice(0, 2))} ${sorted.join(" ")}`;
  }
  if (type === ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWCHAIN) && isBinding(attributes)) {
    // It has no name but a number of all networks' together, and counts one more holder there.
    const kept = attributes.filter(({ type: each }) => each !== NFTA_CHAIN_NAME && each !== NFTA_CHAIN_USE);
    return text(message.subarray(4, 20), kept);
  }
  return text(message.subarray(4, 20), attributes);
}

/** NLMSGERR_ATTR_OFFS, the last attribute; what was asked stands before it where NLM_F_CAPPED doesn't say otherwise. */
function badAt(view: DataView): number {
  if ((view.getUint16(6, true) & NLM_F_ACK_TLVS) === 0) return 0;
  assert.equal(view.getUint16(view.byteLength - 6, true), NLMSGERR_ATTR_OFFS);
  return view.getUint32(view.byteLength - 4, true);
}

function isBinding(attributes: readonly { type: number; value: Uint8Array }[]): boolean {
  const flags = attributes.find(({ type }) => type === NFTA_CHAIN_FLAGS);
  return flags !== undefined && (flags.value[3]! & NFT_CHAIN_BINDING) !== 0;
}

function text(header: Uint8Array, attributes: readonly { type: number; value: Uint8Array }[]): string {
  const all = attributes.map(({ type, value }) => `${type}:${Buffer.from(value).toString("hex")}`);
  return `${Buffer.from(header).toString("hex")} ${all.join(" ")}`;
}

function* messagesIn(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 16 <= bytes.length;) {
    const length = view.getUint32(at, true);
    yield bytes.subarray(at, at + length);
    at += (length + 3) & ~3;
  }
}

describe("netfilter answers as Linux does", () => {
  for (const file of readdirSync(FOLDER)) {
    const { what, exchanges } = JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as {
      what: string;
      exchanges: Exchange[];
    };
    it(what, () => {
      const client = new Client();
      for (const [index, { port, pid, name, sent, got }] of exchanges.entries()) {
        // iptables does not ask for more than a number (NETLINK_EXT_ACK).
        const isExplained = !name.includes("tables");
        const ours = client.send(Buffer.from(sent, "hex"), { port, pid, name }, isExplained);
        const theirs = got.flatMap((one) => [...messagesIn(Buffer.from(one, "hex"))]);
        const lines = (all: readonly Uint8Array[]): string[] => all.map(comparable).filter((one) => one !== null);
        // Who asks for a match or a target doesn't read what comes behind the answer.
        const read = sent.slice(10, 12) === "0b" ? theirs.length : ours.length;
        assert.deepEqual(lines(ours.slice(0, read)), lines(theirs), `exchange ${index}`);
      }
    });
  }
});
