/**
 * Goal: rules, their counts and connections go on in a machine that was saved, or forked. Method: a ruleset from
 * nft(8) with a map, a set and NAT, a connection under way, and both forms of copies.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { copyState, loadState, saveState, stateClass } from "@stratos/base";
import { Client } from "../testing/client.ts";
import type { Netfilter } from "../netfilter.ts";

stateClass("netfilter.test.Client", Client);

const RECORDED = JSON.parse(readFileSync(new URL("../testing/recorded/ruleset.json", import.meta.url), "utf8")) as {
  exchanges: { sent: string }[];
};

/** A datagram from 11.0.0.1 to port 1500, which is answered. */
function datagram(isAnswer: boolean): Uint8Array {
  const packet = new Uint8Array(28);
  packet.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0]);
  packet.set(isAnswer ? [10, 0, 0, 1, 11, 0, 0, 1] : [11, 0, 0, 1, 10, 0, 0, 1], 12);
  packet.set(isAnswer ? [5, 220, 0, 9] : [0, 9, 5, 220], 20);
  packet.set([0, 8], 24);
  return packet;
}

function isTaken(netfilter: Netfilter): boolean {
  const packet = datagram(false);
  return netfilter.incoming(packet, 0, packet.length, 1, false) === 0 && netfilter.local() === 0;
}

it("a saved and a forked filter know their rules and connections", () => {
  const client = new Client();
  for (const { sent } of RECORDED.exchanges) client.send(Buffer.from(sent, "hex"));
  assert.equal(isTaken(client.netfilter), false, "refused: udp dport 1000-2000");
  // This machine speaks first.
  const own = datagram(true);
  assert.equal(client.netfilter.outgoing(own, 0, own.length, 1), 0);
  assert.equal(client.netfilter.leaving(1), 0);
  const saved = loadState(saveState(client, new Map()), { ports: new Map(), given: new Map() }) as Client;
  const forked = copyState(client, { replaced: new Map(), given: new Map() });
  for (const one of [client, saved, forked]) {
    assert.equal(one.netfilter.conntrack.count, 1);
    assert.equal(isTaken(one.netfilter), true, "an answer to what was asked");
    assert.deepEqual(list(one), list(client));
  }
  saved.netfilter.ruleset.tables.length = 0;
  assert.ok(client.netfilter.ruleset.tables.length > 0, "each has its own");
});

/** All rules and elements. */
function list(client: Client): string[] {
  return [1, 4, 7, 10].flatMap((message) =>
    client
      .send(Uint8Array.of(20, 0, 0, 0, message, 10, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
      .map((one) => Buffer.from(one).toString("hex")),
  );
}
