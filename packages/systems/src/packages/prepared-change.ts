/**
 * What the system's dpkg needs for a change, in a folder of the host: packages with their parts unpacked, and the
 * script that has dpkg take them.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "@stratos/host-node/files";
import { homeFolder, isRunning, stratosHome } from "@stratos/host-node";
import type { NodePackagePorts } from "@stratos/tools-node/packages";
import {
  download,
  inParallel,
  openDeb,
  packageFile,
  readVerified,
  repackDeb,
  requireIdentity,
  transactionScript,
  unpackOrder,
  type BinaryPackage,
  type PackageIndex,
  type PlannedChange,
} from "@stratos/pkg";
import { OperationError, type Progress } from "@stratos/operation";
import type { OpenSystem } from "./image-system.ts";

const DOWNLOADS_AT_ONCE = 6;
/** The script's name in the folder. */
export const CHANGE_SCRIPT = "change.sh";

/** Downloads what the change needs. */
export async function downloadChange(
  ports: NodePackagePorts,
  packages: readonly BinaryPackage[],
  progress: Progress,
): Promise<void> {
  const files = packages.map(packageFile);
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let doneBytes = 0;
  await inParallel(files, DOWNLOADS_AT_ONCE, async (file) => {
    await download(ports, file, (count) => {
      doneBytes += count;
      progress.update("Downloading packages", doneBytes, totalBytes, "bytes");
    });
  });
}

/**
 * Downloads and unpacks what the change needs; `work` gets the folder, which is gone afterwards.
 *
 * @param seenAt  where the system sees that folder
 */
export async function withPreparedFolder<T>(
  task: {
    readonly ports: NodePackagePorts;
    readonly system: OpenSystem;
    readonly index: PackageIndex;
    readonly progress: Progress;
    readonly seenAt: string;
  },
  change: PlannedChange,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const { ports, index, progress } = task;
  const { architecture } = task.system.system;
  const packages = change.install.map((planned) => planned.package);
  await downloadChange(ports, packages, progress);
  const folder = newFolder(task.system.name);
  try {
    const order = unpackOrder(packages, index, architecture);
    const names = new Map(order.map((one, at) => [one, `${String(at).padStart(4, "0")}_${one.name}.deb`]));
    let done = 0;
    // Packages reach dpkg with their parts unpacked: taking xz apart is quick here and slow under emulation.
    await inParallel(order, 2, async (one) => {
      progress.update("Unpacking packages", done++, order.length);
      const bytes = await readVerified(ports, packageFile(one));
      if (bytes === undefined)
        throw new OperationError("packages", one.name, "was downloaded and is not there any more");
      const repacked = await repackDeb(bytes, String(one), ports.decompress);
      requireIdentity((await openDeb(repacked, String(one), ports, "control")).control, one);
      writeWhole(join(folder, names.get(one)!), repacked);
    });
    const script = transactionScript({
      change,
      order,
      index,
      architecture,
      dpkgOptions: task.system.system.settings.dpkgOptions,
      pathOf: (one) => `${task.seenAt}/${names.get(one)!}`,
    });
    writeWhole(join(folder, CHANGE_SCRIPT), script, "latin1");
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** For the packages of one change; what killed processes left goes. */
function newFolder(name: string): string {
  const parent = homeFolder(stratosHome(), "transactions");
  for (const other of readdirSync(parent)) {
    const pid = Number.parseInt(other, 10);
    if (Number.isInteger(pid) && !isRunning(pid)) rmSync(join(parent, other), { recursive: true, force: true });
  }
  return mkdtempSync(join(parent, `${process.pid}-${name.slice(-40).replaceAll(/[^A-Za-z0-9.-]/g, "_")}-`));
}
