/**
 * Goal: whatever programs ask and whatever packets come, nothing breaks, and what is refused leaves no trace. Method:
 * recorded requests with damaged bytes, and damaged packets through rules of all kinds, from one seed.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { SeededRandom } from "@stratos/base";
import { Client } from "../testing/client.ts";

const FOLDER = new URL("../testing/recorded/", import.meta.url);

function requestsOf(file: string): Uint8Array[] {
  const { exchanges } = JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as { exchanges: { sent: string }[] };
  return exchanges.map(({ sent }) => Uint8Array.from(Buffer.from(sent, "hex")));
}

const ALL = ["ruleset.json", "expressions.json", "commands.json", "iptables.json"].flatMap(requestsOf);
/** NFT_MSG_GET*, as dumps. */
const DUMPS = [1, 4, 7, 10, 19].map((message) =>
  Uint8Array.of(20, 0, 0, 0, message, 10, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
);

const stateOf = (client: Client): string =>
  DUMPS.flatMap((dump) => client.send(dump))
    .map((one) => Buffer.from(one).toString("hex"))
    .join();

it("damaged requests are answered, and batches that fail change nothing", () => {
  const random = new SeededRandom(75);
  let refused = 0;
  for (let round = 0; round < 400; round++) {
    const client = new Client();
    for (let step = 0; step < 6; step++) {
      const bytes = ALL[random.below(ALL.length)]!.slice();
      for (let count = random.below(4); count > 0; count--) bytes[random.below(bytes.length)] = random.below(256);
      const before = stateOf(client);
      const answers = client.send(bytes);
      const isBatch = bytes[4] === 16 && bytes[5] === 0;
      const hasFailed = answers.some((one) => one[4] === 2 && one[5] === 0 && one[19] !== 0);
      if (!isBatch || !hasFailed) continue;
      refused++;
      // But for the number of the ruleset, which rises when something was done.
      assert.equal(stateOf(client), before);
    }
  }
  assert.ok(refused > 100, `${refused} batches failed`);
});

it("damaged packets pass, or are dropped", () => {
  const random = new SeededRandom(76);
  const client = new Client();
  for (const bytes of [
    ...requestsOf("ruleset.json"),
    ...requestsOf("expressions.json"),
    ...requestsOf("iptables.json"),
  ])
    client.send(bytes);
  const { netfilter } = client;
  assert.ok(netfilter.isActive);
  const counts = [0, 0, 0];
  for (let round = 0; round < 20_000; round++) {
    const packet = samplePacket(random);
    client.nowNs += random.below(1e9);
    const incoming = random.below(2) === 0;
    let verdict = incoming
      ? netfilter.incoming(packet, 0, packet.length, 1, false)
      : netfilter.outgoing(packet, 0, packet.length, 1);
    if (verdict === 0) verdict = incoming ? netfilter.local() : netfilter.leaving(2);
    counts[verdict]!++;
  }
  assert.ok(
    counts.every((count) => count > 0),
    `passed, dropped, refused: ${counts}`,
  );
});

/** Of IPv4, with a header that says what is there. */
function samplePacket(random: SeededRandom): Uint8Array {
  const packet = new Uint8Array(20 + random.below(80));
  for (let at = 0; at < packet.length; at++) packet[at] = random.below(256);
  packet[0] = 0x45;
  packet[2] = 0;
  packet[3] = packet.length;
  packet[6] = packet[7] = 0;
  packet[9] = [1, 6, 17, 58, 132][random.below(5)]!;
  if (packet.length > 23) packet[22] = 3 + random.below(4);
  packet.set([9 + random.below(3), 0, 0, random.below(4)], 12);
  packet.set([10, 0, 0, random.below(4)], 16);
  return packet;
}
