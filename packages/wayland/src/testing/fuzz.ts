/**
 * `npm run fuzz:wayland -- --count N --seed S`: N messages of clients that break the protocol, in rounds of 2,000, each
 * with a seed of its own; and half as many of X servers.
 */
import { parseArgs } from "node:util";
import { surviveMessages } from "./fuzz-messages.ts";
import { surviveServers } from "./fuzz-x-server.ts";

const ROUND = 2000;
const { values } = parseArgs({
  options: { count: { type: "string", default: "100000" }, seed: { type: "string", default: "1" } },
});
const count = Number(values.count);
let passed = 0,
  failed = 0,
  ended = 0,
  peakBytes = 0;
for (let sent = 0, seed = Number(values.seed); sent < count && failed === 0; sent += ROUND, seed++) {
  try {
    ended += surviveMessages(seed, Math.min(ROUND, count - sent)) + surviveServers(seed, ROUND / 2);
    passed++;
  } catch (error) {
    failed++;
    console.error(`seed ${seed}: ${(error as Error).stack}`);
    console.error(`repeat: npm run fuzz:wayland -- --count ${ROUND} --seed ${seed}`);
  }
  peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
}
console.log(
  `${ended} clients and servers were disconnected for what they sent; at most ${peakBytes >> 20} MiB were in use`,
);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
