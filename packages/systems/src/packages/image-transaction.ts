/**
 * Changes of an image's packages. Each is made in a clone of the image, a further layer, which becomes the image by one
 * rename when all has been done and looked at: whatever interrupts it, the image is the old one or the new one. The
 * layers below are the states before, to which `rollback` returns.
 */
import { byteStringOf, byteStringToUtf8 } from "@stratos/base";
import { stratosHome } from "@stratos/host-node";
import type { NodePackagePorts } from "@stratos/tools-node/packages";
import { EXTENDED_STATES, readSystem, type PackageIndex, type PlannedChange } from "@stratos/pkg";
import { readVolumeFile, writeVolumeFile } from "@stratos/session";
import { type Guard, OperationError, type Progress } from "@stratos/operation";
import {
  cloneVolumeToLayer,
  createVolume,
  type ImageDraft,
  type ImageEntry,
  ImageStore,
  type ImageTransaction,
  lockForChange,
  type OpenVolume,
  openVolumeReadOnly,
  readInstalledPackages,
  runInGuest,
} from "@stratos/images";
import { ArchiveExtractor, archiveVolume, VolumeWriter } from "@stratos/images/content";
import { keptTranslations } from "@stratos/images/translations";
import { disappeared, extendedStatesAfter, missedBy, summaryOf, withDisappeared } from "./change-record.ts";
import type { ImageSystem } from "./image-system.ts";
import { CHANGE_SCRIPT, withPreparedFolder } from "./prepared-change.ts";
import { VolumeFiles } from "./volume-files.ts";

/** A read asks each layer in turn; from here on a change brings the image into one, and earlier states are given up. */
const LAYERS_MAX = 24;
/** Lines of dpkg's output kept for the message of a failure. */
const LOG_LINES = 25;
/** Where the guest sees the packages. */
const GUEST_FOLDER = "/mnt";

interface TransactionOptions {
  /** the command line, for the history */
  readonly command: string;
  /** the image that the result becomes; else the same */
  readonly to?: string | undefined;
  readonly guard?: Guard | undefined;
}

/**
 * Carries out a change.
 *
 * @throws OperationError  dpkg or a script of a package failed, and the image is as it was
 */
export function changeImage(
  ports: NodePackagePorts,
  image: ImageSystem,
  index: PackageIndex,
  change: PlannedChange,
  options: TransactionOptions,
  progress: Progress,
): Promise<ImageTransaction> {
  return withPreparedChange({ ports, image, index, progress }, change, (run) => {
    const summary = summaryOf(change);
    return inNewLayer(
      image,
      options,
      summary,
      async (opened) => void Object.assign(summary, summaryOf(await run(opened))),
    );
  });
}

/**
 * Downloads and unpacks what the change needs; `work` gets what then carries it out in an open layer, and tells the
 * change as it came about.
 */
export function withPreparedChange<T>(
  task: {
    readonly ports: NodePackagePorts;
    readonly image: ImageSystem;
    readonly index: PackageIndex;
    readonly progress: Progress;
  },
  change: PlannedChange,
  work: (run: (opened: OpenVolume) => Promise<PlannedChange>) => Promise<T>,
): Promise<T> {
  const { ports, image, progress } = task;
  return withPreparedFolder({ ...task, system: image, seenAt: GUEST_FOLDER }, change, (folder) =>
    work(async (opened) => {
      await runChange(opened, {
        folder,
        name: image.name,
        steps: change.install.length * 2 + change.remove.length,
        progress,
      });
      const { state: before, architecture } = image.system;
      const after = readSystem(new VolumeFiles(opened.volume.root), architecture, ports.latin1).state;
      const done = withDisappeared(before, change, disappeared(before, after, change));
      markAutomatic(opened, image, done, ports);
      const missed = missedBy(after, done);
      if (missed.length > 0)
        throw new OperationError(
          "packages",
          image.name,
          `the packages are not as planned, and the image is as it was: ${missed.slice(0, 5).join("; ")}`,
        );
      return done;
    }),
  );
}

/** A change that needs no program of the guest. */
export function editImage(
  image: ImageSystem,
  options: TransactionOptions,
  edit: (opened: OpenVolume) => void,
): Promise<ImageTransaction> {
  return inNewLayer(image, options, { installed: [], upgraded: [], removed: [] }, async (opened) => edit(opened));
}

/** Replaces a file of a volume that is being changed. */
export function replaceFile(opened: OpenVolume, name: string, path: string, text: string): void {
  if (!writeVolumeFile(opened.volume.root, path, byteStringOf(text)))
    throw new OperationError("packages", name, `/${path} cannot be written`);
}

/** Makes the image what it was before transaction `id`, and tells what it was until now. */
export function rollBackImage(name: string, id: number | undefined, save: string | undefined): ImageTransaction {
  const home = stratosHome();
  const unlock = lockForChange(home, name);
  const store = new ImageStore(home);
  try {
    const entry = store.require(name);
    const history = entry.description.history ?? [];
    const undoable = history.filter((one) => one.isUndone !== true);
    const target = id === undefined ? undoable.at(-1) : undoable.find((one) => one.id === id);
    if (target === undefined)
      throw new OperationError(
        "packages",
        name,
        id === undefined
          ? "there is no change to take back; `stratos pkg history` lists changes"
          : `there is no change ${id} that could be taken back; \`stratos pkg history\` lists them`,
      );
    if (save !== undefined) {
      if (store.find(save) !== null) throw new OperationError("packages", save, "there is such an image already");
      publishCopy(store, entry, save);
    }
    const draft = store.createDraft();
    try {
      const layers = draft.shareLayers(entry, target.layersBefore);
      const opened = openVolumeReadOnly(layers);
      let packages;
      try {
        packages = readInstalledPackages(opened.volume.root);
      } finally {
        opened.close();
      }
      draft.publish(name, {
        ...entry.description,
        createdAt: new Date().toISOString(),
        packages,
        layers: layers.length,
        history: history.map((one) =>
          one.layersAfter > target.layersBefore && one.isUndone !== true ? { ...one, isUndone: true } : one,
        ),
      });
    } finally {
      draft.discard();
    }
    return target;
  } finally {
    unlock();
  }
}

function publishCopy(store: ImageStore, entry: ImageEntry, name: string): void {
  const draft = store.createDraft();
  try {
    draft.shareLayers(entry);
    draft.publish(name, entry.description);
  } finally {
    draft.discard();
  }
}

/** Does `work` in a new layer of the image, which becomes visible when all is done. */
export async function inNewLayer(
  image: Pick<ImageSystem, "name" | "entry">,
  options: TransactionOptions,
  summary: Pick<ImageTransaction, "installed" | "upgraded" | "removed">,
  work: (opened: OpenVolume) => Promise<void>,
): Promise<ImageTransaction> {
  const home = stratosHome();
  const name = options.to ?? image.name;
  const unlock = lockForChange(home, name);
  const store = new ImageStore(home);
  let draft: ImageDraft | undefined;
  let stopGuarding = (): void => {};
  try {
    // What was planned is for the image as it was read.
    const entry = store.require(image.name);
    if (entry.description.createdAt !== image.entry.description.createdAt)
      throw new OperationError("packages", image.name, "has been changed meanwhile; try again");
    if (name !== image.name && store.find(name) !== null)
      throw new OperationError("packages", name, "there is such an image already");
    draft = store.createDraft();
    stopGuarding =
      options.guard?.(() => {
        draft?.discard();
        unlock();
      }) ?? stopGuarding;
    const isFull = entry.description.layers >= LAYERS_MAX;
    const base = isFull ? flatten(store, entry, draft) : draft.shareLayers(entry);
    const opened = cloneVolumeToLayer(base, draft.layerPath(base.length));
    let packages;
    try {
      await work(opened);
      const synced = opened.volume.sync();
      if (synced < 0)
        throw new OperationError(
          "packages",
          name,
          `the image could not be written (errno ${-synced}); it is as it was`,
        );
      packages = readInstalledPackages(opened.volume.root);
    } catch (error) {
      throw opened.explain(error);
    } finally {
      opened.close();
    }
    const before = (entry.description.history ?? []).map((one) =>
      isFull && one.isUndone !== true ? { ...one, isUndone: true as const } : one,
    );
    const at = new Date().toISOString();
    const transaction: ImageTransaction = {
      id: (before.at(-1)?.id ?? 0) + 1,
      at,
      command: options.command,
      ...summary,
      layersBefore: base.length,
      layersAfter: base.length + 1,
    };
    draft.publish(name, {
      ...entry.description,
      createdAt: at,
      packages,
      layers: base.length + 1,
      history: [...before, transaction],
    });
    return transaction;
  } finally {
    stopGuarding();
    draft?.discard();
    unlock();
  }
}

/** All layers as one, in the draft. */
function flatten(store: ImageStore, entry: ImageEntry, draft: ImageDraft): string[] {
  const path = draft.layerPath(0);
  const from = openVolumeReadOnly(store.layerPaths(entry));
  try {
    const to = createVolume(path, entry.name);
    try {
      const extractor = new ArchiveExtractor(new VolumeWriter(to.volume.root));
      for (const piece of archiveVolume(from.volume.root)) extractor.push(piece);
      extractor.finish();
    } finally {
      to.close();
    }
  } finally {
    from.close();
  }
  return [path];
}

async function runChange(
  opened: OpenVolume,
  task: { folder: string; name: string; steps: number; progress: Progress },
): Promise<void> {
  const log: string[] = [];
  let done = 0;
  task.progress.update("Changing packages", 0, task.steps);
  const status = await runInGuest(opened, {
    argv: ["/bin/sh", `${GUEST_FOLDER}/${CHANGE_SCRIPT}`],
    volumes: [{ host: task.folder, guest: GUEST_FOLDER, isReadOnly: true }],
    codeArchive: keptTranslations(stratosHome()),
    onLine: (line) => {
      log.push(line);
      if (log.length > LOG_LINES) log.shift();
      if (/^(Unpacking|Setting up|Removing|Purging configuration files for) /.test(line))
        task.progress.update("Changing packages", Math.min(++done, task.steps), task.steps);
    },
  });
  if (status !== 0)
    throw new OperationError(
      "packages",
      task.name,
      `the packages could not be changed, and the image is as it was: dpkg ended with status ${status}\n` +
        `${log.map((line) => `  ${byteStringToUtf8(line)}`).join("\n")}`,
    );
}

/** apt in the image must know who came along only for others. */
export function markAutomatic(
  opened: OpenVolume,
  image: ImageSystem,
  change: PlannedChange,
  ports: NodePackagePorts,
  nowAutomatic: readonly string[] = [],
): void {
  const before = readVolumeFile(opened.volume.root, EXTENDED_STATES);
  // A system without apt has no such record, and needs none.
  if (before === null && image.files.list("var/lib/apt").length === 0) return;
  replaceFile(
    opened,
    image.name,
    EXTENDED_STATES,
    extendedStatesAfter(ports.latin1(before ?? new Uint8Array(0)), change, image.system, nowAutomatic),
  );
}
