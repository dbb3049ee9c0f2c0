/** ALPM packages in an image: its files, its machine for scriptlets, and a further layer for what changes. */
import { stratosHome } from "@stratos/host-node";
import { byteStringToUtf8 } from "@stratos/base";
import {
  readConfiguration,
  RootChanges,
  targetOf,
  type AlpmSystem,
  type AlpmTransaction,
  type RootFiles,
  type RootRunner,
} from "@stratos/pkg";
import type { Guard } from "@stratos/operation";
import { GUEST_ARCHITECTURE } from "@stratos/images/defaults";
import { ImageStore, type OpenVolume, openVolumeReadOnly, runInGuest } from "@stratos/images";
import { keptTranslations } from "@stratos/images/translations";
import { inNewLayer } from "../packages/image-transaction.ts";
import { VolumeRoot } from "../packages/volume-root.ts";

/** Ends the making of a layer in which nothing changed. */
class NothingChanged<T> extends Error {
  readonly result: T;

  constructor(result: T) {
    super("nothing changed");
    this.result = result;
  }
}

/** Does `work` on an image; what it changes becomes a layer, unless it only looks. */
export async function withImageSystem<T>(
  name: string,
  settings: { readOnly?: boolean; command?: string; guard?: Guard },
  work: (system: AlpmSystem, onChange: (transaction: AlpmTransaction | undefined) => void) => Promise<T>,
): Promise<T> {
  const store = new ImageStore(stratosHome());
  const entry = store.require(name);
  const systemOf = (opened: OpenVolume): AlpmSystem => ({
    files: new VolumeRoot(opened.volume.root),
    runner: guestRunner(opened),
    lock: () => () => {},
  });
  if (settings.readOnly === true) {
    const opened = openVolumeReadOnly(store.layerPaths(entry));
    try {
      return await work(systemOf(opened), () => {});
    } finally {
      opened.close();
    }
  }
  const summary = { installed: [] as string[], upgraded: [] as string[], removed: [] as string[] };
  let hasChanged = false,
    result: T;
  try {
    await inNewLayer(
      { name, entry },
      { command: settings.command ?? "pkg alpm", guard: settings.guard },
      summary,
      async (opened) => {
        result = await work(systemOf(opened), (transaction) => {
          hasChanged = true;
          for (const { package: one, old } of transaction?.plan.install ?? [])
            (old === undefined ? summary.installed : summary.upgraded).push(
              old === undefined ? `${one.name} ${one.version}` : `${one.name} ${old.version} → ${one.version}`,
            );
          for (const { package: one } of transaction?.plan.remove ?? [])
            summary.removed.push(`${one.name} ${one.version}`);
        });
        if (!hasChanged) throw new NothingChanged(result);
        forgetChanges(opened);
      },
    );
    return result!;
  } catch (error) {
    if (error instanceof NothingChanged) return error.result as T;
    throw error;
  }
}

/** The layer is what can be taken back; keeping the old files in it, too, would only make it large. */
export function forgetChanges(opened: OpenVolume): void {
  const changes = new RootChanges(new VolumeRoot(opened.volume.root));
  for (const record of changes.history()) changes.forget(record.id);
}

export function configurationOf(files: RootFiles): ReturnType<typeof readConfiguration> {
  const lookAt = (path: string): ReturnType<RootFiles["look"]> => files.look(path);
  const text = (path: string): string | undefined => {
    const place = targetOf(lookAt, path.replace(/^\/+/, ""));
    return files.look(place)?.kind === "file" ? Buffer.from(files.read(place)).toString("utf8") : undefined;
  };
  return readConfiguration("/etc/pacman.conf", {
    read: text,
    machine: GUEST_ARCHITECTURE,
    glob: (pattern) => {
      const slash = pattern.lastIndexOf("/");
      const expression = new RegExp(
        `^${pattern
          .slice(slash + 1)
          .replace(/[.+^${}()|\\]/g, "\\$&")
          .replace(/\*/g, ".*")
          .replace(/\?/g, ".")}$`,
      );
      return files
        .list(pattern.slice(1, Math.max(1, slash)))
        .filter((one) => expression.test(one))
        .map((one) => `${pattern.slice(0, slash)}/${one}`);
    },
  });
}

/** Scriptlets and hooks run in the image's own machine. */
export function guestRunner(opened: OpenVolume): RootRunner {
  const codeArchive = keptTranslations(stratosHome());
  return {
    run: (command, options) => {
      if (options.input !== undefined) {
        // The machine has no standard input here; a file of its own stands for it.
        const files = new VolumeRoot(opened.volume.root);
        const path = "var/lib/stratos/hook-input";
        if (files.look(path) !== undefined) files.remove(path);
        files.file(path, { uid: 0, gid: 0, mode: 0o600, mtime: 0 }, options.input);
        return runInGuest(opened, {
          argv: ["/bin/sh", "-c", `"$@" < /${path}`, "hook", ...command],
          codeArchive,
          onLine: (line) => options.onOutput(`${byteStringToUtf8(line)}\n`),
        }).finally(() => files.remove(path));
      }
      return runInGuest(opened, {
        argv: command,
        codeArchive,
        onLine: (line) => options.onOutput(`${byteStringToUtf8(line)}\n`),
      });
    },
  };
}
