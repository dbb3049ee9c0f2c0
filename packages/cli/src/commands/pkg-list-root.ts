/**
 * `stratos pkg apply|diff` on a system in a folder: packages of both kinds, files, settings and services come in one
 * change of the root, which `pkg rollback --root` takes back.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { nodeAlpmSystem } from "@stratos/tools-node/packages";
import {
  applySystemList,
  debianChanges,
  diffSystemList,
  planDebianList,
  readListRecord,
  RootChanges,
  type DebianHand,
  type ListChange,
  type ListHands,
  type SystemList,
} from "@stratos/pkg";
import { buildFromAur, type BuildOptions } from "@stratos/systems/alpm";
import {
  loadImageIndex,
  openRootSystem,
  finishInterrupted,
  lockRoot,
  recoverForReader,
  runRootChange,
  type RunnerChoice,
} from "@stratos/systems/packages";
import { CommandError } from "../command-error.ts";
import { showProgress, withPackagePorts } from "../operation-progress.ts";
import type { AlpmRootOptions } from "./alpm-options.ts";
import type { ListImageOptions } from "./pkg-list-image.ts";
import { alpmAtTerminal } from "./alpm-terminal.ts";
import { stopOnSignal } from "../undo-on-signal.ts";

export interface ListRootOptions extends AlpmRootOptions, ListImageOptions, BuildOptions {
  readonly yes?: true;
  readonly runner?: RunnerChoice;
}

/** @returns what was changed, or would be @throws CommandError */
export async function listOnRoot(
  list: SystemList,
  root: string,
  options: ListRootOptions,
  how: { command: string; readOnly: boolean },
): Promise<ListChange[]> {
  const folder = resolve(root);
  if (!existsSync(folder)) throw new CommandError(root, "no such folder");
  const work = (hands: ListHands): Promise<ListChange[]> =>
    how.readOnly ? diffSystemList(list, hands) : applySystemList(list, hands);
  const isAlpm = options.config !== undefined || existsSync(join(folder, "etc/pacman.conf"));
  return withDebian(list, root, options, how.readOnly, (debian) =>
    (isAlpm ? onAlpmRoot : onPlainRoot)({ list, root, options, how, debian }, work),
  );
}

interface RootWork {
  readonly list: SystemList;
  readonly root: string;
  readonly options: ListRootOptions;
  readonly how: { command: string; readOnly: boolean };
  readonly debian: DebianHand | undefined;
}

function onAlpmRoot(
  { list, root, options, how, debian }: RootWork,
  work: (hands: ListHands) => Promise<ListChange[]>,
): Promise<ListChange[]> {
  const { readOnly } = how;
  return alpmAtTerminal(
    { ...options, root: resolve(root) },
    { readOnly, yes: options.yes === true },
    async (session) => {
      const { alpm } = session;
      const isMissing =
        list.official.length + list.aur.length > 0 && alpm.databases.length < alpm.configuration.repositories.length;
      if (readOnly && isMissing)
        throw new CommandError(root, "no package lists are there yet; run `stratos pkg alpm update` first");
      if (!readOnly && (options.update === true || isMissing)) await session.refresh();
      const system = nodeAlpmSystem(resolve(root));
      const unlock = readOnly || debian === undefined ? (): void => {} : lockRoot(root, system, true);
      try {
        return await work({
          ...ownHands(),
          command: how.command,
          alpm,
          files: system.files,
          changes: new RootChanges(system.files),
          debian,
          buildAur: (names) => buildFromAur(session, names, readOnly ? {} : options),
        });
      } finally {
        unlock();
      }
    },
  );
}

async function onPlainRoot(
  { root, how, debian }: RootWork,
  work: (hands: ListHands) => Promise<ListChange[]>,
): Promise<ListChange[]> {
  const system = nodeAlpmSystem(resolve(root));
  const hands: ListHands = {
    ...ownHands(),
    command: how.command,
    alpm: undefined,
    files: system.files,
    changes: new RootChanges(system.files),
    debian,
    buildAur: undefined,
  };
  if (how.readOnly) return work(hands);
  const unlock = lockRoot(root, system);
  try {
    finishInterrupted(hands.changes);
    return await work(hands);
  } finally {
    unlock();
  }
}

function ownHands(): Pick<ListHands, "nowSeconds" | "digest" | "ownership"> {
  return {
    nowSeconds: () => Date.now() / 1000,
    digest: (bytes) => createHash("sha256").update(bytes).digest("hex"),
    ownership: process.getuid?.() === 0,
  };
}

/**
 * The Debian packages of the folder, when there are any; its lists are fetched only when something of them may change.
 */
async function withDebian<T>(
  list: SystemList,
  root: string,
  options: ListRootOptions,
  readOnly: boolean,
  work: (debian: DebianHand | undefined) => Promise<T>,
): Promise<T> {
  const folder = resolve(root);
  if (!existsSync(join(folder, "var/lib/dpkg/status"))) return work(undefined);
  const isMeant =
    list.debian.length + list.absent.length + readListRecord(nodeAlpmSystem(folder).files).debian.length > 0 ||
    list.exact;
  if (!isMeant) return work(NO_DEBIAN);
  return withPackagePorts(root, async (ports, progress) => {
    await recoverForReader(root);
    const system = openRootSystem(root, options, ports);
    const index = await loadImageIndex(ports, system, options.update === true ? "fresh" : "kept", options, (event) =>
      showProgress(progress, event),
    );
    progress.clear();
    const { state, settings } = system.system;
    return work({
      asked: () => state.manualNames(),
      plan: (wish) => debianChanges(planDebianList(index, state, wish, settings.unneeded)),
      async change(wish) {
        const { change, nowAutomatic } = planDebianList(index, state, wish, settings.unneeded);
        try {
          return await runRootChange(
            {
              ports,
              root,
              system,
              index,
              progress,
              runner: options.runner ?? "auto",
              stopper: stopOnSignal(root, "the folder is as it was"),
            },
            nodeAlpmSystem(folder).files,
            change,
            nowAutomatic,
          );
        } finally {
          progress.clear();
        }
      },
    });
  });
}

/** Of a list that says nothing of Debian packages. */
const NO_DEBIAN: DebianHand = { asked: () => new Set(), plan: () => [], change: () => Promise.resolve(undefined) };
