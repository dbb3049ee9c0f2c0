/** A planned change, for people and as JSON. */
import { keyOf, packageFile, type BinaryPackage, type PlannedChange } from "@stratos/pkg";
import { formatSize } from "@stratos/operation";
import { formatTable } from "../text-table.ts";

interface ChangeSizes {
  readonly downloadBytes: number;
  readonly installedBytes: number;
}

function changeSizes(change: PlannedChange): ChangeSizes {
  let downloadBytes = 0,
    installedKiB = 0;
  for (const { package: one, from } of change.install) {
    if (!isHere(one)) downloadBytes += packageFile(one).sizeBytes;
    installedKiB += one.installedSizeKiB - (from?.installedSizeKiB ?? 0);
  }
  for (const { package: one } of change.remove) installedKiB -= one.installedSizeKiB;
  return { downloadBytes, installedBytes: installedKiB * 1024 };
}

/** A file of this machine is read where it is. */
function isHere(one: BinaryPackage): boolean {
  return one.origin.baseUrl.startsWith("file:");
}

export function changeJson(change: PlannedChange): unknown {
  return {
    install: change.install.map((planned) => {
      const { package: one } = planned;
      const file = packageFile(one);
      return {
        name: one.name,
        version: one.version,
        architecture: one.architecture,
        ...(planned.from === undefined ? {} : { from: planned.from.version }),
        because: planned.because,
        ...(planned.neededBy === undefined ? {} : { neededBy: planned.neededBy.name }),
        isAutomatic: planned.isAutomatic,
        sizeBytes: file.sizeBytes,
        sha256: file.sha256,
        url: file.urls[0],
      };
    }),
    remove: change.remove.map(({ package: one, isPurge, because }) => ({
      name: one.name,
      version: one.version,
      architecture: one.architecture,
      isPurge,
      because,
    })),
    purgeConfiguration: change.purgeConfig,
    keptBack: change.keptBack.map(({ package: one, candidate }) => ({
      name: one.name,
      version: one.version,
      candidate: candidate.version,
    })),
    unneeded: change.unneeded.map(({ name, version }) => ({ name, version })),
    ...changeSizes(change),
  };
}

export function isEmptyChange(change: PlannedChange): boolean {
  return (
    change.install.length === 0 &&
    change.remove.length === 0 &&
    change.purgeConfig.length === 0 &&
    change.nowManual.length === 0
  );
}

/** Several lines, with a final newline. */
export function changeText(change: PlannedChange): string {
  let text = "";
  const named = (one: BinaryPackage): string => keyOf(one, change.architecture);
  const fresh = change.install.filter(({ from }) => from === undefined),
    newer = change.install.filter(({ from }) => from !== undefined);
  if (fresh.length > 0)
    text += `To install:\n${indent(
      formatTable(
        ["PACKAGE", "VERSION", "SIZE", "BECAUSE"],
        fresh.map(({ package: one, because, neededBy }) => [
          named(one),
          one.version,
          formatSize(packageFile(one).sizeBytes),
          `${neededBy === undefined ? "" : `${named(neededBy)}: `}${because}`,
        ]),
      ),
    )}`;
  if (newer.length > 0)
    text += `To change:\n${indent(
      formatTable(
        ["PACKAGE", "FROM", "TO"],
        newer.map(({ package: one, from }) => [named(one), from!.version, one.version]),
      ),
    )}`;
  if (change.remove.length > 0)
    text += `To remove:\n${indent(
      formatTable(
        ["PACKAGE", "VERSION", "BECAUSE"],
        change.remove.map(({ package: one, because, isPurge }) => [
          named(one),
          one.version,
          `${because}${isPurge ? " (with its configuration)" : ""}`,
        ]),
      ),
    )}`;
  if (change.purgeConfig.length > 0) text += `Configuration to remove: ${change.purgeConfig.join(" ")}\n`;
  if (change.keptBack.length > 0)
    text += `Kept back: ${change.keptBack.map(({ package: one }) => named(one)).join(" ")}\n`;
  if (change.unneeded.length > 0)
    text += `Needed no more: ${change.unneeded.map(named).join(" ")} (\`stratos pkg autoremove\` removes them)\n`;
  const { downloadBytes, installedBytes } = changeSizes(change);
  return (
    `${text}${fresh.length} to install, ${newer.length} to change, ${change.remove.length} to remove; ` +
    `${formatSize(downloadBytes)} to download, ${formatSize(Math.abs(installedBytes))} ` +
    `${installedBytes < 0 ? "less" : "more"} on disk\n`
  );
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
