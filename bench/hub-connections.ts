/**
 * What `stratos hub --keep-alive` is worth: processor time of one request when its connection is still open, and when
 * the hub has closed it meanwhile, so that client and hub begin another with TLS. Both are in this process, by turns;
 * the least of several turns counts, as other work on the host only adds to it.
 *
 *     node tools/with-node.mjs bench/hub-connections.ts
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startTestHub, type TestHub } from "../packages/hub/src/testing/test-hub.ts";

const CONNECTIONS = 50;
const ROUNDS = 4;
const TURNS = 3;
/** Beyond the short setting. */
const PAUSE_MS = 2_500;

const folder = mkdtempSync(join(tmpdir(), "hub-connections-"));
const [cert, key] = [join(folder, "cert"), join(folder, "key")];
const subject = ["-subj", "/CN=hub", "-addext", "subjectAltName=IP:127.0.0.1"];
const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const { status } = spawnSync("openssl", ["req", "-x509", ...curve, ...subject, "-keyout", key, "-out", cert]);
if (status !== 0) throw new Error("openssl makes no certificate");
const tls = { certificate: cert, key, minVersion: "TLSv1.2" } as const;

function ask(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    request(`${url}/healthz`, { agent }, (response) => response.resume().once("end", resolve).once("error", reject))
      .once("error", reject)
      .end();
  });
}

/** @returns milliseconds of processor time for one request */
async function turn({ server: { url } }: TestHub): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, ca: readFileSync(cert), maxCachedSessions: 0 });
  const all = (): Promise<unknown> => Promise.all(Array.from({ length: CONNECTIONS }, () => ask(url, agent)));
  await all();
  let microseconds = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(PAUSE_MS);
    const before = process.cpuUsage();
    await all();
    const { user, system } = process.cpuUsage(before);
    microseconds += user + system;
  }
  agent.destroy();
  return microseconds / 1_000 / ROUNDS / CONNECTIONS;
}

const hubs: { readonly setting: string; readonly hub: TestHub; least: number }[] = [];
try {
  for (const keepAliveSeconds of [1, 75])
    hubs.push({
      setting: `--keep-alive ${keepAliveSeconds}s`,
      hub: await startTestHub({ tls, http: { keepAliveSeconds } }),
      least: Infinity,
    });
  for (let turns = 0; turns < TURNS; turns++)
    for (const each of hubs) each.least = Math.min(each.least, await turn(each.hub));
  for (const { setting, least } of hubs) console.log(`${setting}: ${least.toFixed(2)} ms of processor time a request`);
} finally {
  for (const { hub } of hubs) await hub.close();
  rmSync(folder, { recursive: true, force: true });
}
