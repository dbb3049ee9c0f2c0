/** `stratos pkg alpm repo`: makes the database of a folder of packages, as repo-add(8) does. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { toBase64 } from "@stratos/base";
import { stratosHome } from "@stratos/host-node";
import { replaceFile } from "@stratos/host-node/files";
import { nodeAlpmPorts } from "@stratos/tools-node/packages";
import { compareAlpmVersions, listedPaths, openAlpmPackage, writeSyncDatabase, type DatabaseEntry } from "@stratos/pkg";
import { toldAlpmFailure } from "@stratos/systems/alpm";
import { CommandError } from "../command-error.ts";
import type { AlpmRepositoryOptions } from "./alpm-options.ts";

export async function indexAlpmRepository(
  name: string,
  folder: string,
  options: AlpmRepositoryOptions,
): Promise<number> {
  const ports = nodeAlpmPorts(join(stratosHome(), "downloads"));
  try {
    const names = readdirSync(folder)
      .filter((file) => /\.pkg\.tar(\.(zst|gz|xz))?$/.test(file))
      .sort();
    if (names.length === 0) throw new CommandError(folder, "holds no packages (*.pkg.tar.zst)");
    const entries = new Map<string, DatabaseEntry>();
    let newest = 0;
    for (const fileName of names) {
      const bytes = readFileSync(join(folder, fileName));
      const archive = await openAlpmPackage(bytes, fileName, ports.decompress);
      const { backup: _, ...info } = archive.info;
      const digest = (algorithm: string): string => createHash(algorithm).update(bytes).digest("hex");
      newest = Math.max(newest, info.buildDate);
      // Older versions stay in the folder, for who still has the database of before; for another architecture it is
      // another repository.
      const other = entries.get(info.name)?.package;
      if (other !== undefined) {
        const order = compareAlpmVersions(info.version, other.version);
        if (order === 0)
          throw new CommandError(folder, `holds ${info.name} ${info.version} twice: ${other.fileName} and ${fileName}`);
        if (order < 0) continue;
      }
      entries.set(info.name, {
        package: {
          ...info,
          repository: name,
          fileName,
          downloadSize: bytes.length,
          sha256: digest("sha256"),
          md5: digest("md5"),
          signature: signatureOf(join(folder, `${fileName}.sig`)),
        },
        files: listedPaths(archive.files),
      });
    }
    for (const [suffix, withFiles] of [
      ["db", false],
      ["files", true],
    ] as const) {
      const packed = await ports.compress(
        "gzip",
        writeSyncDatabase([...entries.values()], { withFiles, mtime: newest }),
      );
      const path = join(folder, `${name}.${suffix}`);
      replaceFile(path, packed);
      // A signature of the database of before would make clients refuse this one.
      rmSync(`${path}.sig`, { force: true });
    }
    const database = resolve(folder, `${name}.db`);
    if (options.json === true)
      process.stdout.write(
        JSON.stringify({ name, database, packages: [...entries.keys()], sizeBytes: statSync(database).size }, null, 2) +
          "\n",
      );
    else process.stdout.write(`${database}: ${entries.size} packages\n`);
    return 0;
  } catch (error) {
    throw toldAlpmFailure(error, folder);
  } finally {
    await ports.close();
  }
}

function signatureOf(path: string): string {
  try {
    return toBase64(readFileSync(path));
  } catch {
    return "";
  }
}
