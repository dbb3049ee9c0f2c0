/** Debian's container registry (docker-registry) on the loopback address. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { until } from "./until.ts";

const TRIES = 3;

interface TestRegistry {
  /** Such as `127.0.0.1:4711`. */
  readonly host: string;
  stop(): void;
}

/** @param folder  of what it keeps; is made */
export async function startRegistry(folder: string): Promise<TestRegistry> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "registry.yml");
  for (let tries = 0; tries < TRIES; tries++) {
    const host = await freeHost();
    writeFileSync(
      file,
      `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${join(folder, "store")}}}\n` +
        `http: {addr: "${host}"}\n`,
    );
    const child = spawn("docker-registry", ["serve", file], { stdio: "ignore" });
    await once(child, "spawn");
    const isUp = (): Promise<boolean> =>
      fetch(`http://${host}/v2/`).then(
        (answer) => answer.ok,
        () => false,
      );
    await until("the registry answers", async () => child.exitCode !== null || (await isUp()));
    // Else somebody was quicker to take the port.
    if (child.exitCode === null) return { host, stop: () => void child.kill() };
  }
  throw new Error(`docker-registry ends at once, ${TRIES} times`);
}

async function freeHost(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `127.0.0.1:${port}`;
}
