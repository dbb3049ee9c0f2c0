/**
 * Builds an image: plan, download, unpack into a new volume, then boot that volume and let dpkg configure the packages inside Stratos. It
 * becomes visible, whole, at the very end.
 */
import { join } from "node:path";
import { constants } from "node:os";
import { byteStringToUtf8 } from "@stratos/base";
import { FileLockedError, homeFolder, lockFile, ProgressDisplay, readConfig, stratosHome } from "@stratos/host-node";
import { findMirror, type NodePackagePorts } from "@stratos/host-node/packages";
import { buildRoot, type ImagePlan, planFromLock, planImage, type PackageLock, type PreparedPlan, type RootSummary } from "@stratos/pkg";
import { CommandError } from "../command-error.ts";
import { DEFAULT_IMAGE, DEFAULT_PACKAGES, DEFAULT_SUITE, GUEST_ARCHITECTURE } from "../defaults.ts";
import { showProgress, withPackagePorts } from "../packages/package-task.ts";
import { runInGuest } from "../session/guest-command.ts";
import { ImageStore, type ImageDraft, requireImage } from "./image-store.ts";
import { createVolume, type OpenVolume } from "./image-volume.ts";
import { readInstalledPackages } from "./installed-packages.ts";
import { VolumeWriter } from "./volume-writer.ts";

export interface BuildRequest {
  readonly name: string;
  readonly packages: readonly string[];
  readonly suite: string;
  readonly mirror?: string | undefined;
  readonly recommends: boolean;
  /** exactly these packages, instead of what is asked for */
  readonly lock?: PackageLock | undefined;
}

/** What the shell needs; built when it is first started. */
export function buildDefaultImage(): Promise<void> {
  return buildImage({ name: DEFAULT_IMAGE, packages: DEFAULT_PACKAGES, suite: DEFAULT_SUITE, recommends: false });
}

/** What would be installed. */
export function planOnly(request: BuildRequest): Promise<ImagePlan> {
  return withPackagePorts(request.name, async (ports, progress) => (await preparePlan(request, ports, progress)).plan);
}

/** @throws CommandError; then nothing of the image is left */
export async function buildImage(request: BuildRequest): Promise<void> {
  const home = stratosHome();
  const unlock = lockBuild(home, request.name);
  const draft = new ImageStore(home).createDraft();
  const stopGuarding = discardOnSignal(draft);
  try {
    await withPackagePorts(request.name, async (ports, progress) => {
      const prepared = await preparePlan(request, ports, progress);
      const opened = createVolume(draft.layerPath(0), request.name);
      try {
        const summary = await buildRoot(ports, prepared, new VolumeWriter(opened.volume.root), (event) => showProgress(progress, event));
        await configure(opened, summary, prepared.plan.packages.length, request.name, progress);
        const packages = readInstalledPackages(opened.volume.root);
        const missing = prepared.plan.packages.filter(({ name }) => !packages.some((one) => one.name === name));
        if (missing.length > 0) throw new CommandError(request.name, `dpkg has left packages unconfigured: ${missing.map(({ name }) => name).slice(0, 10).join(", ")}`);
        opened.close();
        draft.publish(request.name, { format: 1, architecture: GUEST_ARCHITECTURE, suite: request.suite, createdAt: new Date().toISOString(), packages, layers: 1, origin: "build" });
      } catch (error) {
        opened.close();
        throw error;
      }
    });
  } finally {
    stopGuarding();
    draft.discard();
    unlock();
  }
}

function preparePlan(request: BuildRequest, ports: NodePackagePorts, progress: ProgressDisplay): Promise<PreparedPlan> {
  if (request.lock !== undefined) {
    if (request.lock.architecture !== GUEST_ARCHITECTURE) throw new CommandError(request.name, `the lock is for ${request.lock.architecture}, and images are ${GUEST_ARCHITECTURE}`);
    return planFromLock(ports, request.lock, (event) => showProgress(progress, event));
  }
  const mirror = findMirror({ given: request.mirror, configured: readConfig(stratosHome()).mirror });
  return planImage(ports, { mirror: mirror.uri, keyrings: mirror.keyrings, suite: request.suite, architecture: GUEST_ARCHITECTURE, packages: request.packages, recommends: request.recommends }, (event) => showProgress(progress, event));
}

/** Lines of output kept for the message of a failure. */
const LOG_LINES = 20;

/** Boots the volume and runs what is left to do in it, in the order given. */
async function configure(opened: OpenVolume, summary: RootSummary, packages: number, name: string, progress: ProgressDisplay): Promise<void> {
  for (const argv of summary.commands) {
    const log: string[] = [];
    let done = 0;
    progress.update("Configuring packages", 0, packages);
    const status = await runInGuest(opened, {
      argv,
      onLine: (line) => {
        log.push(line);
        if (log.length > LOG_LINES) log.shift();
        if (line.startsWith("Setting up ")) progress.update("Configuring packages", ++done, packages);
      },
    });
    if (status !== 0) throw new CommandError(name, `configuring the packages failed: \`${argv.join(" ")}\` ended with status ${status}\n${log.slice(-LOG_LINES).map((line) => `  ${byteStringToUtf8(line)}`).join("\n")}`);
  }
  const synced = opened.volume.sync();
  if (synced < 0) throw new CommandError(name, `the image could not be written (errno ${-synced})`);
}

/** Nobody else changes the image of that name meanwhile. */
export function lockBuild(home: string, name: string): () => void {
  requireImage(name);
  try {
    return lockFile(join(homeFolder(home, "images"), `.build-${name}`));
  } catch (error) {
    if (error instanceof FileLockedError) throw new CommandError(name, `is being built or changed already, by process ${error.owner}`);
    throw error;
  }
}

/** An interrupted build leaves nothing. */
export function discardOnSignal(draft: ImageDraft): () => void {
  const handlers = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => {
    const handler = (): void => {
      draft.discard();
      process.exit(128 + constants.signals[signal]);
    };
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  return () => handlers.forEach((remove) => remove());
}
