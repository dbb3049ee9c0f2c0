/** `stratos fs scrub|health|device`: content verified while it is at rest, and the devices that hold it. */
import { realpathSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { E2BIG, EBUSY, EEXIST, ENODEV, ENOSPC } from "@stratos/abi";
import {
  addDevice,
  CLASS_FAST,
  CLASS_SLOW,
  type CopyJob,
  FAILURE_WORDS,
  health,
  removeDevice,
  replaceDevice,
  resetErrors,
  Scrub,
  setCopies,
  type ScrubCursor,
  type VolumeHealth,
} from "@stratos/aegisfs";
import { ProgressDisplay } from "../progress-display.ts";
import {
  findVolume,
  hostedVolumeAt,
  hostPath,
  keepDevice,
  rememberVolume,
  expectNotHeld,
  describeContent,
  openDevice,
  withVolume,
  type OpenedVolume,
  errnoWords,
  expectResult,
  uuidText,
} from "@stratos/volumes";
import { CommandError, hostReason } from "../command-error.ts";
import { formatSize } from "../option-values.ts";
import { runWhereMounted } from "../run-where-mounted.ts";
import { formatTable } from "../text-table.ts";

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

const STEP_BLOCKS = 2048;
const BLOCK = 4096;

/** Exit status 1 when something is lost. An interrupt pauses it: the next run goes on. */
export async function scrubCommand(path: string, options: ScrubOptions): Promise<number> {
  if (options.status === true || options.cancel === true) return showScrub(path, options);
  const progress = new ProgressDisplay(process.stderr);
  let stops = false;
  const stop = (): void => {
    stops = true;
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    return await withVolume(path, "write", async (opened) => {
      const { volume } = opened;
      const scrub = Scrub.resume(volume);
      const startMs = performance.now();
      let doneBlocks = 0;
      for (;;) {
        const before = scrub.cursor.verified;
        const more = expectResult(path, scrub.step(STEP_BLOCKS));
        doneBlocks += scrub.cursor.verified - before;
        if (process.stderr.isTTY)
          progress.update("Scrubbing", scrub.cursor.verified * BLOCK, scrub.total * BLOCK, "bytes");
        opened.breathe();
        if (more === 0) break;
        if (stops || (options.limit !== undefined && doneBlocks * BLOCK >= options.limit)) {
          expectResult(path, scrub.pause());
          progress.clear();
          return tellScrub(path, scrub, true, options);
        }
        if (options.rate !== undefined)
          await delay(Math.max(0, (doneBlocks * BLOCK * 1000) / options.rate - (performance.now() - startMs)));
        else await delay(0); // Lets a signal in.
      }
      progress.clear();
      return tellScrub(path, scrub, false, options);
    });
  } finally {
    progress.clear();
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

function tellScrub(path: string, scrub: Scrub, isPaused: boolean, options: ScrubOptions): number {
  const { cursor, damage } = scrub;
  const lost = damage.map(({ what, subvolume, ino, block }) => ({ what, subvolume, ino, block }));
  if (options.json === true)
    process.stdout.write(
      `${JSON.stringify({ volume: path, paused: isPaused, ...counts(cursor), damage: lost }, null, 2)}\n`,
    );
  else {
    process.stdout.write(
      `${path}: ${isPaused ? "paused" : "done"}: ${formatSize(cursor.verified * BLOCK)} verified, ` +
        `${cursor.repaired} blocks repaired, ${cursor.lost} lost\n`,
    );
    for (const { what, subvolume, ino, block } of damage)
      process.stdout.write(
        what === "node"
          ? `lost: metadata of subvolume ${subvolume} (block ${block})\n`
          : `lost: content of inode ${ino} in subvolume ${subvolume} (block ${block})\n`,
      );
  }
  return cursor.lost > 0 ? 1 : 0;
}

function counts({ verified, repaired, lost, started }: ScrubCursor): {
  verifiedBytes: number;
  repairedBlocks: number;
  lostBlocks: number;
  startedAt: string;
} {
  return {
    verifiedBytes: verified * BLOCK,
    repairedBlocks: repaired,
    lostBlocks: lost,
    startedAt: new Date(started * 1000).toISOString(),
  };
}

async function showScrub(path: string, options: ScrubOptions): Promise<number> {
  const found = await withVolume(path, options.cancel === true ? "write" : "read", ({ volume }) => {
    if (options.cancel === true && Scrub.paused(volume) !== null) expectResult(path, Scrub.cancel(volume));
    return { paused: Scrub.paused(volume), last: Scrub.last(volume) };
  });
  if (options.json === true) {
    process.stdout.write(
      JSON.stringify(
        {
          paused: found.paused === null ? null : counts(found.paused),
          last: found.last === null ? null : counts(found.last),
        },
        null,
        2,
      ) + "\n",
    );
    return 0;
  }
  const line = (word: string, cursor: ScrubCursor | null): string =>
    cursor === null
      ? `${word}: none\n`
      : `${word}: begun ${counts(cursor).startedAt.slice(0, 19).replace("T", " ")}, ` +
        `${formatSize(cursor.verified * BLOCK)} verified, ${cursor.repaired} blocks repaired, ${cursor.lost} lost\n`;
  process.stdout.write(line("Paused", found.paused) + line("Last", found.last));
  return 0;
}

/** Exit status 1 when the volume is degraded or damaged, or has failed. */
export async function healthCommand(path: string, options: HealthOptions): Promise<number> {
  // What a server has met since its last commit is on no device, above all that it has failed.
  const [device] = findVolume(path).paths;
  if (options.reset !== true && hostedVolumeAt(device!) === null) {
    const told = await runWhereMounted(device!, ["fs", "health", ...(options.json === true ? ["--json"] : []), path]);
    if (told !== null) return told;
  }
  const state = await withVolume(path, options.reset === true ? "write" : "read", (opened) => {
    if (options.reset === true) resetErrors(opened.volume);
    const found: VolumeHealth = health(opened.volume);
    return { ...found, devices: found.devices.map((one) => ({ ...one, path: devicePath(opened, one.index) })) };
  });
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
    const why = FAILURE_WORDS[state.failure];
    process.stderr.write(`stratos: ${path}: takes no changes any more: ${why}; unmount it, and see to that\n`);
  }
  return state.state === "healthy" || state.state === "repaired" ? 0 : 1;
}

/** Null for a device that is missing. */
function devicePath({ volume, devices }: OpenedVolume, index: number): string | null {
  const device = volume.store.devices[index]?.device ?? null;
  return device === null ? null : (devices.files[devices.devices.indexOf(device)]?.path ?? null);
}

/**
 * @param text  a device's number, or its path
 * @throws CommandError
 */
function deviceIndex(opened: OpenedVolume, text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  let wanted: string;
  try {
    wanted = realpathSync(hostPath(text));
  } catch (error) {
    throw new CommandError(
      text,
      `${hostReason(error)}; a device that is missing has a number, which \`health\` shows`,
      {
        cause: error,
      },
    );
  }
  const index = opened.volume.store.devices.findIndex((_, one) => {
    const path = devicePath(opened, one);
    return path !== null && realpathSync(path) === wanted;
  });
  if (index < 0) throw new CommandError(text, "is no device of the volume; `health` shows those that it has");
  return index;
}

const POOL_WORDS: Readonly<Record<number, string>> = {
  [EBUSY]: "blocks of the device stay in use",
  [ENODEV]: "there is no such device in the volume",
  [ENOSPC]: "what is stored does not fit on the other devices",
  [E2BIG]: "the volume has as many devices as it can have",
  [EEXIST]: "the device is part of the volume already",
};

function expectPool<T>(path: string, result: T | number): T | number {
  if (typeof result === "number" && result < 0) throw new CommandError(path, POOL_WORDS[-result] ?? errnoWords(result));
  return result;
}

export async function addDeviceCommand(path: string, added: string, options: DeviceOptions): Promise<number> {
  const content = describeContent(added);
  if (content !== null && options.force !== true)
    throw new CommandError(added, `holds ${content}; --force replaces it`);
  await withNewDevice(path, added, ({ volume }, device) => {
    const index = expectPool(
      path,
      addDevice(volume, device, {
        class: options.slow === true ? CLASS_SLOW : CLASS_FAST,
        ...(options.spare === true ? { spare: true } : {}),
      }),
    );
    process.stdout.write(
      `${added}: device ${String(index)} of the volume, which any of its devices, or ` +
        `UUID=${uuidText(volume.superblock.uuid)}, names\n`,
    );
  });
  return 0;
}

async function withNewDevice(
  path: string,
  added: string,
  work: (opened: OpenedVolume, device: ReturnType<typeof openDevice>) => void,
): Promise<void> {
  await withVolume(path, "write", (opened) => {
    expectNotHeld(path, opened.volume);
    if (opened.devices.encrypted.length > 0)
      throw new CommandError(path, "devices of an encrypted volume are added when it is formatted");
    const device = openDevice(added, "write");
    let isKept = false;
    try {
      work(opened, device);
      opened.commit();
      isKept = keepDevice(opened.hosted, device);
      rememberVolume([...findVolume(path).paths, realpathSync(hostPath(added))]);
      releaseDevices(opened);
    } finally {
      if (!isKept) device.close();
    }
  });
}

/**
 * What is no longer part of the volume is given back, save the device that the mount is named after: by its lock
 * commands find who serves the mount, until it is unmounted.
 */
function releaseDevices({ volume, devices, hosted }: OpenedVolume): void {
  if (hosted === null) return;
  const named = devices.devices[devices.files.findIndex(({ path }) => realpathSync(path) === hosted.path)];
  devices.release(
    (device) =>
      device === named ||
      volume.store.devices.some(
        (slot) => slot.device === device || devices.encrypted.some((sealed) => sealed.device === device),
      ),
  );
  if (named !== undefined && !volume.store.devices.some(({ device }) => device === named))
    process.stderr.write(`stratos: ${hosted.path}: the mount is named after it: keep it until that is unmounted\n`);
}

/** @param which  number or path */
export async function removeDeviceCommand(path: string, which: string, options: DeviceOptions): Promise<number> {
  const progress = new ProgressDisplay(process.stderr);
  await withVolume(path, options.dryRun === true ? "read" : "write", (opened) => {
    const index = deviceIndex(opened, which);
    if (options.dryRun !== true) expectNotHeld(path, opened.volume);
    expectPool(
      path,
      removeDevice(opened.volume, index, {
        dryRun: options.dryRun === true,
        progress: (blocks) => {
          if (process.stderr.isTTY) progress.update("Moving", blocks * BLOCK, 0, "bytes");
        },
      }),
    );
    if (options.dryRun === true) return;
    opened.commit();
    releaseDevices(opened);
  }).finally(() => progress.clear());
  process.stdout.write(
    `device ${which} ${options.dryRun === true ? "could be removed" : "is no longer part of the volume"}\n`,
  );
  return 0;
}

export async function replaceDeviceCommand(
  path: string,
  which: string,
  added: string,
  options: DeviceOptions,
): Promise<number> {
  const content = describeContent(added);
  if (content !== null && options.force !== true)
    throw new CommandError(added, `holds ${content}; --force replaces it`);
  await withNewDevice(path, added, (opened, device) =>
    runCopyJob(opened, expectPool(path, replaceDevice(opened.volume, deviceIndex(opened, which), device))),
  );
  return 0;
}

export async function setCopiesCommand(path: string, copies: number): Promise<number> {
  await withVolume(path, "write", (opened) => {
    expectNotHeld(path, opened.volume);
    runCopyJob(opened, expectPool(path, setCopies(opened.volume, copies)));
  });
  return 0;
}

function runCopyJob(opened: OpenedVolume, job: CopyJob | number): void {
  if (typeof job === "number") return;
  const { path } = opened;
  const progress = new ProgressDisplay(process.stderr);
  let steps = 0;
  try {
    while (expectResult(path, job.step(STEP_BLOCKS)) === 1) {
      if (process.stderr.isTTY) progress.update("Copying", ++steps * STEP_BLOCKS * BLOCK, 0, "bytes");
      opened.breathe();
    }
    expectPool(path, job.finish());
  } finally {
    progress.clear();
  }
}
