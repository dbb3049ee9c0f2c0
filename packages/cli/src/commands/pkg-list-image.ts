/**
 * `stratos pkg apply|diff` on an image: all that a list changes is one further layer, which `pkg rollback` takes back.
 */
import { createHash } from "node:crypto";
import { homeFolder, stratosHome } from "@stratos/host-node";
import { type ProgressDisplay } from "../progress-display.ts";
import { nodeAlpmPorts } from "@stratos/tools-node/packages";
import {
  Alpm,
  applySystemList,
  debianChanges,
  diffSystemList,
  namesOf,
  planDebianList,
  RootChanges,
  type AlpmListener,
  type DebianHand,
  type ListChange,
  type ListHands,
  type RootFiles,
  type SystemList,
} from "@stratos/pkg";
import {
  cloneVolume,
  defaultImage,
  type ImageEntry,
  ImageStore,
  type OpenVolume,
  openVolumeReadOnly,
} from "@stratos/images";
import { configurationOf, forgetChanges, guestRunner } from "@stratos/systems/alpm";
import {
  type SourceOptions,
  inNewLayer,
  markAutomatic,
  withPreparedChange,
  VolumeRoot,
} from "@stratos/systems/packages";
import { withImage, type ImageTask } from "./pkg-system.ts";
import { undoOnSignal } from "../undo-on-signal.ts";

export interface ListImageOptions extends SourceOptions {
  readonly update?: true;
}

/** @returns what was changed, or would be */
export async function listOnImage(
  list: SystemList,
  listener: AlpmListener,
  progress: ProgressDisplay,
  options: ListImageOptions,
  how: { command: string; readOnly: boolean },
): Promise<ListChange[]> {
  const home = stratosHome();
  const name = options.image ?? defaultImage(home);
  const entry = new ImageStore(home).require(name);
  const isDebian = look(entry, (files) => files.look("var/lib/dpkg/status") !== undefined);
  // Its lists are needed only when Debian packages may change.
  if (isDebian && (list.debian.length + list.absent.length > 0 || list.exact || hasRecord(entry))) {
    return withImage(options, options.update === true ? "fresh" : "kept", (task) =>
      onImage(list, listener, { name, entry, task }, how, progress),
    );
  }
  return onImage(list, listener, { name, entry, task: undefined }, how, progress);
}

/** Lists of packages that are fetched only to look at them. */
const DIFF_BYTES_MAX = 512 << 20;

interface Target {
  name: string;
  entry: ImageEntry;
  task: ImageTask | undefined;
}

function look<T>(entry: ImageEntry, work: (files: RootFiles) => T): T {
  const opened = openVolumeReadOnly(new ImageStore(stratosHome()).layerPaths(entry));
  try {
    return work(new VolumeRoot(opened.volume.root));
  } finally {
    opened.close();
  }
}

function hasRecord(entry: ImageEntry): boolean {
  return look(entry, (files) => files.look("var/lib/stratos/list/applied.json") !== undefined);
}

async function onImage(
  list: SystemList,
  listener: AlpmListener,
  target: Target,
  how: { command: string; readOnly: boolean },
  progress: ProgressDisplay,
): Promise<ListChange[]> {
  // Package lists may have to be fetched to know, so this looks at a clone in memory.
  const opened = cloneVolume(new ImageStore(stratosHome()).layerPaths(target.entry), DIFF_BYTES_MAX);
  let changes: ListChange[];
  try {
    changes = await withHands(opened, listener, target, list, (hands) => diffSystemList(list, hands));
  } finally {
    opened.close();
  }
  if (how.readOnly || changes.every((change) => change.kind === "note")) return changes;
  progress.clear();
  const summary = {
    installed: namesOf(changes, "install"),
    upgraded: namesOf(changes, "upgrade"),
    removed: namesOf(changes, "remove"),
  };
  await inNewLayer(target, { command: how.command, guard: undoOnSignal }, summary, async (layer) => {
    changes = await withHands(layer, listener, target, list, (hands) => applySystemList(list, hands));
    forgetChanges(layer);
  });
  return changes;
}

async function withHands<T>(
  opened: OpenVolume,
  listener: AlpmListener,
  target: Target,
  list: SystemList,
  work: (hands: ListHands) => Promise<T>,
): Promise<T> {
  const files = new VolumeRoot(opened.volume.root);
  const ports = nodeAlpmPorts(homeFolder(stratosHome(), "downloads"));
  let alpm: Alpm | undefined;
  try {
    if (files.look("etc/pacman.conf") !== undefined) {
      alpm = await Alpm.open({
        ports,
        listener,
        configuration: configurationOf(files),
        system: { files, runner: guestRunner(opened), lock: () => () => {} },
      });
      if (list.official.length > 0 && alpm.databases.length < alpm.configuration.repositories.length)
        await alpm.refresh();
    }
    return await work({
      files,
      alpm,
      changes: new RootChanges(files),
      nowSeconds: () => Date.now() / 1000,
      digest: (bytes) => createHash("sha256").update(bytes).digest("hex"),
      ownership: true,
      debian: target.task === undefined ? undefined : debianHand(target.task, opened),
      buildAur: undefined,
    });
  } finally {
    alpm?.close();
    await ports.close();
  }
}

function debianHand(task: ImageTask, opened: OpenVolume): DebianHand {
  const { image, index, ports } = task;
  const { state, settings } = image.system;
  return {
    asked: () => state.manualNames(),
    plan: (wish) => debianChanges(planDebianList(index, state, wish, settings.unneeded)),
    async change(wish) {
      const { change, nowAutomatic } = planDebianList(index, state, wish, settings.unneeded);
      const done =
        change.install.length + change.remove.length > 0
          ? await withPreparedChange(task, change, (run) => run(opened))
          : change;
      markAutomatic(opened, image, done, ports, nowAutomatic);
      return undefined;
    },
  };
}
