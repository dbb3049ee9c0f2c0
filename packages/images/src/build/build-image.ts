/**
 * Builds an image: plan, download, unpack into a new volume, then boot that volume and let dpkg configure the packages
 * inside Stratos. It becomes visible, whole, at the very end.
 */
import { setTimeout as delay } from "node:timers/promises";
import { byteStringToUtf8 } from "@stratos/base";
import { FileLockedError, readConfig } from "@stratos/host-node";
import { findMirror, type NodePackagePorts } from "@stratos/tools-node/packages";
import {
  buildRoot,
  type ImagePlan,
  planFromLock,
  planImage,
  type PackageLock,
  type PreparedPlan,
  type Progress,
  type RootSummary,
} from "@stratos/pkg";
import { type Guard, OperationError } from "@stratos/operation";
import { ConfigureLog } from "./configure-log.ts";
import { DEFAULT_IMAGE, DEFAULT_PACKAGES, DEFAULT_SUITE, GUEST_ARCHITECTURE } from "../defaults.ts";
import { runInGuest } from "../run-in-guest.ts";
import { keptTranslations } from "../translations/kept-translations.ts";
import { ImageStore } from "../image-store.ts";
import { createVolume, type OpenVolume } from "../image-volume.ts";
import { readInstalledPackages } from "../installed-packages.ts";
import { lockForChange, lockImage } from "../lock-image.ts";
import { usePackagePorts } from "../package-ports.ts";
import { VolumeWriter } from "../volume-writer.ts";

interface BuildRequest {
  readonly name: string;
  readonly packages: readonly string[];
  readonly suite: string;
  readonly mirror?: string | undefined;
  readonly recommends: boolean;
  /** exactly these packages, instead of what is asked for */
  readonly lock?: PackageLock | undefined;
}

/** What the work has reached. */
export type ImageEvent =
  | Progress
  /** Another process makes the image. */
  | { readonly phase: "waiting"; readonly name: string; readonly owner: number }
  /** `current` is being configured, for so many seconds; "": none yet. */
  | {
      readonly phase: "configure";
      readonly done: number;
      readonly total: number;
      readonly current: string;
      readonly seconds: number;
    };

export interface BuildContext {
  /** STRATOS_HOME. */
  readonly home: string;
  onEvent(event: ImageEvent): void;
  readonly guard?: Guard;
}

/** What the shell needs; built when it is first started. Who comes second waits for the first. */
export async function buildDefaultImage(context: BuildContext): Promise<void> {
  const unlock = await lockWhenFree(DEFAULT_IMAGE, context);
  if (unlock !== null)
    return buildLocked(
      { name: DEFAULT_IMAGE, packages: DEFAULT_PACKAGES, suite: DEFAULT_SUITE, recommends: false },
      context,
      unlock,
    );
}

const POLL_MS = 200;

/** @returns what gives the lock back; null when another process has made the image meanwhile */
async function lockWhenFree(name: string, { home, onEvent }: BuildContext): Promise<(() => void) | null> {
  const store = new ImageStore(home);
  let told: number | null = null;
  for (;;) {
    try {
      const unlock = lockImage(home, name);
      if (told === null || store.find(name) === null) return unlock;
      unlock();
      return null;
    } catch (error) {
      if (!(error instanceof FileLockedError)) throw error;
      if (error.owner !== told) onEvent({ phase: "waiting", name, owner: error.owner });
      told = error.owner;
    }
    await delay(POLL_MS);
  }
}

/** What would be installed. */
export function planOnly(request: BuildRequest, context: BuildContext): Promise<ImagePlan> {
  return usePackagePorts(
    request.name,
    context.home,
    async (ports) => (await preparePlan(request, ports, context)).plan,
  );
}

/** @throws OperationError; then nothing of the image is left */
export async function buildImage(request: BuildRequest, context: BuildContext): Promise<void> {
  await buildLocked(request, context, lockForChange(context.home, request.name));
}

async function buildLocked(request: BuildRequest, context: BuildContext, unlock: () => void): Promise<void> {
  const { home, onEvent } = context;
  const draft = new ImageStore(home).createDraft();
  const stopGuarding = context.guard?.(() => {
    draft.discard();
    unlock();
  });
  try {
    await usePackagePorts(request.name, home, async (ports) => {
      const prepared = await preparePlan(request, ports, context);
      const opened = createVolume(draft.layerPath(0), request.name);
      try {
        const summary = await buildRoot(ports, prepared, new VolumeWriter(opened.volume.root), onEvent);
        await configure(opened, summary, prepared.plan.packages.length, request.name, context);
        const packages = readInstalledPackages(opened.volume.root);
        const missing = prepared.plan.packages.filter(({ name }) => !packages.some((one) => one.name === name));
        if (missing.length > 0)
          throw new OperationError(
            "image",
            request.name,
            `dpkg has left packages unconfigured: ${missing
              .map(({ name }) => name)
              .slice(0, 10)
              .join(", ")}`,
          );
        opened.close();
        draft.publish(request.name, {
          format: 1,
          architecture: GUEST_ARCHITECTURE,
          suite: request.suite,
          createdAt: new Date().toISOString(),
          packages,
          layers: 1,
          origin: "build",
        });
      } catch (error) {
        opened.close();
        throw opened.explain(error);
      }
    });
  } finally {
    stopGuarding?.();
    draft.discard();
    unlock();
  }
}

function preparePlan(
  request: BuildRequest,
  ports: NodePackagePorts,
  { home, onEvent }: BuildContext,
): Promise<PreparedPlan> {
  if (request.lock !== undefined) {
    if (request.lock.architecture !== GUEST_ARCHITECTURE)
      throw new OperationError(
        "image",
        request.name,
        `the lock is for ${request.lock.architecture}, and images are ${GUEST_ARCHITECTURE}`,
      );
    return planFromLock(ports, request.lock, onEvent);
  }
  const mirror = findMirror({ given: request.mirror, configured: readConfig(home).mirror });
  return planImage(
    ports,
    {
      mirror: mirror.uri,
      keyrings: mirror.keyrings,
      suite: request.suite,
      architecture: GUEST_ARCHITECTURE,
      packages: request.packages,
      recommends: request.recommends,
    },
    onEvent,
  );
}

/** How often it is told how far configuring is. */
const TELL_MS = 1000;

/** Boots the volume and runs what is left to do in it, in the order given. */
async function configure(
  opened: OpenVolume,
  summary: RootSummary,
  packages: number,
  name: string,
  { home, onEvent }: BuildContext,
): Promise<void> {
  const codeArchive = keptTranslations(home);
  for (const argv of summary.commands) {
    const log = new ConfigureLog();
    let done = 0;
    let current = "";
    let sinceMs = performance.now();
    const tell = (): void => {
      const seconds = Math.floor((performance.now() - sinceMs) / 1000);
      onEvent({ phase: "configure", done, total: packages, current, seconds });
    };
    tell();
    // Some packages take minutes, and say nothing.
    const timer = setInterval(tell, TELL_MS);
    const status = await runInGuest(opened, {
      argv,
      codeArchive,
      onLine: (line) => {
        log.add(line);
        const [, verb, name] = /^(Setting up|Processing triggers for) (\S+)/.exec(line) ?? [];
        if (name === undefined) return;
        if (verb === "Setting up") done++;
        current = byteStringToUtf8(verb === "Setting up" ? name : `triggers of ${name}`);
        sinceMs = performance.now();
        tell();
      },
    }).finally(() => clearInterval(timer));
    if (status !== 0)
      throw new OperationError(
        "image",
        name,
        `configuring the packages failed: \`${argv.join(" ")}\` ended with status ${status}\n${log
          .lines()
          .map((line) => `  ${byteStringToUtf8(line)}`)
          .join("\n")}`,
      );
  }
  const synced = opened.volume.sync();
  if (synced < 0) throw new OperationError("image", name, `the image could not be written (errno ${-synced})`);
}
