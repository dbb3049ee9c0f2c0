/**
 * `board-once.ts apart|board IMAGE LINE`: runs a line of sh in one machine, then in a second one, which stands apart or
 * on the first one's board, and prints processor time (ms) and resident memory (MiB) of the second.
 */
import { nodePorts, stratosHome } from "@stratos/host-node";
import { cloneVolume, EMPTY_INPUT, ImageStore, lineOutput } from "@stratos/images";
import { openHostInput, openHostOutput } from "@stratos/kernel";
import { createBoard } from "@stratos/machine";
import { findGuestUser, GUEST_PATH, MachineSession, readerOf } from "@stratos/session";

const [way, image, line] = process.argv.slice(2);
const MEMORY_BYTES = 512 << 20;
const ports = nodePorts();
const board =
  way === "board"
    ? createBoard({ engine: ports.engine, memoryBytes: 2 * MEMORY_BYTES, nowMs: () => performance.now() })
    : undefined;
const store = new ImageStore(stratosHome());
const layers = store.layerPaths(store.require(image!));

async function run(): Promise<MachineSession> {
  const { volume } = cloneVolume(layers, MEMORY_BYTES);
  const session = new MachineSession({
    ports,
    volume,
    memoryBytes: MEMORY_BYTES,
    board,
    imageIdentity: image,
    log: () => {},
  });
  const { kernel } = session.machine;
  const output = lineOutput(() => {});
  session.start(
    {
      program: "/bin/sh",
      argv: ["sh", "-c", line!],
      environment: [`PATH=${GUEST_PATH}`, "HOME=/root", "LC_ALL=C.UTF-8"],
      workingDirectory: "/",
      user: findGuestUser(readerOf(volume.root), "0"),
    },
    [openHostInput(kernel, EMPTY_INPUT), openHostOutput(kernel, output), openHostOutput(kernel, output)],
  );
  await session.run();
  return session;
}

function residentBytes(): number {
  globalThis.gc!();
  return process.memoryUsage.rss();
}

// Held, so that its memory counts.
const first = await run();
const before = residentBytes();
const start = process.cpuUsage();
const second = await run();
const { user, system } = process.cpuUsage(start);
console.log(((user + system) / 1000).toFixed(1), ((residentBytes() - before) / 2 ** 20).toFixed(2));
for (const session of [first, second]) session.close();
process.exit();
