/** `stratos fs scrub|health|device`: content verified while it is at rest, and the devices that hold it. */
import {
  addVolumeDevice,
  cancelScrub,
  failureWords,
  findVolume,
  forgetErrors,
  hostedVolumeAt,
  poolHealth,
  removeVolumeDevice,
  replaceVolumeDevice,
  type ScrubCounts,
  scrubState,
  scrubVolume,
  setVolumeCopies,
  withVolume,
} from "@stratos/volumes";
import { formatSize } from "@stratos/operation";
import { hostReason } from "../command-error.ts";
import { runWhereMounted } from "../run-where-mounted.ts";
import { formatTable } from "../text-table.ts";
import { withTerminalProgress } from "../terminal-progress.ts";

export interface ScrubOptions {
  readonly rate?: number;
  readonly limit?: number;
  readonly status?: true;
  readonly cancel?: true;
  readonly json?: true;
}
export interface HealthOptions {
  readonly reset?: true;
  readonly json?: true;
}
export interface DeviceOptions {
  readonly slow?: true;
  readonly spare?: true;
  readonly force?: true;
  readonly dryRun?: true;
}

const BLOCK = 4096;
const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Exit status 1 when something is lost. An interrupt pauses it: the next run goes on. */
export async function scrubCommand(path: string, options: ScrubOptions): Promise<number> {
  if (options.status === true || options.cancel === true) return showScrub(path, options);
  const { rate, limit } = options;
  const stopper = new AbortController();
  const stop = (): void => stopper.abort();
  for (const signal of STOP_SIGNALS) process.once(signal, stop);
  try {
    const outcome = await withTerminalProgress((progress) =>
      withVolume(path, "write", (opened) => scrubVolume(opened, { rate, limit, signal: stopper.signal }, progress)),
    );
    tellScrub(path, outcome, options);
    return outcome.lostBlocks > 0 ? 1 : 0;
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, stop);
  }
}

function tellScrub(path: string, outcome: Awaited<ReturnType<typeof scrubVolume>>, options: ScrubOptions): void {
  const { paused, verifiedBytes, repairedBlocks, lostBlocks, damage } = outcome;
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ volume: path, ...outcome }, null, 2)}\n`);
    return;
  }
  process.stdout.write(
    `${path}: ${paused ? "paused" : "done"}: ${formatSize(verifiedBytes)} verified, ` +
      `${repairedBlocks} blocks repaired, ${lostBlocks} lost\n`,
  );
  for (const { what, subvolume, ino, block } of damage)
    process.stdout.write(
      what === "node"
        ? `lost: metadata of subvolume ${subvolume} (block ${block})\n`
        : `lost: content of inode ${ino} in subvolume ${subvolume} (block ${block})\n`,
    );
}

async function showScrub(path: string, options: ScrubOptions): Promise<number> {
  const { paused, last } = await withVolume(path, options.cancel === true ? "write" : "read", (opened) => {
    if (options.cancel === true) cancelScrub(opened);
    return scrubState(opened);
  });
  if (options.json === true) process.stdout.write(`${JSON.stringify({ paused, last }, null, 2)}\n`);
  else process.stdout.write(scrubLine("Paused", paused) + scrubLine("Last", last));
  return 0;
}

function scrubLine(word: string, run: ScrubCounts | null): string {
  return run === null
    ? `${word}: none\n`
    : `${word}: begun ${run.startedAt.slice(0, 19).replace("T", " ")}, ` +
        `${formatSize(run.verifiedBytes)} verified, ${run.repairedBlocks} blocks repaired, ${run.lostBlocks} lost\n`;
}

/** Exit status 1 when the volume is degraded or damaged, or has failed. */
export async function healthCommand(path: string, options: HealthOptions): Promise<number> {
  // What a server has met since its last commit is on no device, above all that it has failed.
  const [device] = findVolume(path).paths;
  if (options.reset !== true && hostedVolumeAt(device!) === null) {
    const told = await runWhereMounted(device!, ["fs", "health", ...(options.json === true ? ["--json"] : []), path]);
    if (told !== null) return told;
  }
  let reason = "";
  const state = await withVolume(
    path,
    options.reset === true ? "write" : "read",
    (opened) => {
      if (options.reset === true) forgetErrors(opened);
      const { refused } = opened.devices;
      if (refused !== undefined) reason = ` (${hostReason(refused.refusal)})`;
      return poolHealth(opened);
    },
    { degraded: options.reset !== true },
  );
  if (options.json === true) process.stdout.write(`${JSON.stringify(state, null, 2)}\n`);
  else {
    process.stdout.write(
      `${path}: ${state.state}, ${state.copies} ${state.copies === 1 ? "copy" : "copies"} of everything\n`,
    );
    process.stdout.write(
      formatTable(
        ["DEVICE", "STATE", "CLASS", "SIZE", "HOLDS", "READ", "WRITE", "CORRUPT", "REPAIRED", "LOST", "PATH"],
        state.devices.map((one) => [
          String(one.index),
          one.state,
          one.class,
          formatSize(one.blocks * BLOCK),
          formatSize(one.assigned * BLOCK),
          String(one.errors.readErrors),
          String(one.errors.writeErrors),
          String(one.errors.corruptBlocks),
          String(one.errors.repairedBlocks),
          String(one.errors.lostBlocks),
          one.path ?? "-",
        ]),
      ),
    );
  }
  if (state.failure !== null) {
    const why = failureWords(state.failure) + reason;
    process.stderr.write(`stratos: ${path}: takes no changes any more: ${why}; unmount it, and see to that\n`);
  }
  return state.state === "healthy" || state.state === "repaired" ? 0 : 1;
}

export async function addDeviceCommand(path: string, added: string, options: DeviceOptions): Promise<number> {
  const { slow, spare, force } = options;
  const { index, uuid } = await withTerminalProgress((progress) =>
    addVolumeDevice(path, added, { slow: slow === true, spare: spare === true, force: force === true }, progress),
  );
  process.stdout.write(`${added}: device ${index} of the volume, which any of its devices, or UUID=${uuid}, names\n`);
  return 0;
}

/** @param which  number or path */
export async function removeDeviceCommand(path: string, which: string, options: DeviceOptions): Promise<number> {
  const dryRun = options.dryRun === true;
  await withTerminalProgress((progress) => removeVolumeDevice(path, which, dryRun, progress));
  process.stdout.write(`device ${which} ${dryRun ? "could be removed" : "is no longer part of the volume"}\n`);
  return 0;
}

export async function replaceDeviceCommand(
  path: string,
  which: string,
  added: string,
  options: DeviceOptions,
): Promise<number> {
  await withTerminalProgress((progress) =>
    replaceVolumeDevice(path, which, added, { force: options.force === true }, progress),
  );
  return 0;
}

export async function setCopiesCommand(path: string, copies: number): Promise<number> {
  await withTerminalProgress((progress) => setVolumeCopies(path, copies, progress));
  return 0;
}
