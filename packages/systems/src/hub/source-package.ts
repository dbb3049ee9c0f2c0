/** A .dsc and the files that it lists, which lie beside it, as a hub takes them. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { hostReason } from "@stratos/host-node/home";
import type { UploadFile } from "@stratos/hub/worker";
import { toldFailure } from "@stratos/images/told-failures";
import { OperationError } from "@stratos/operation";
import { parseSource, sourceFiles } from "@stratos/pkg";

interface SourcePackageFiles {
  readonly name: string;
  readonly version: string;
  /** It has packages for all architectures alone. */
  readonly isForAll: boolean;
  /** The .dsc is the first. */
  readonly files: readonly UploadFile[];
}

/** @throws OperationError when it is no .dsc, or a file is not there */
export function readSourcePackage(dsc: string): SourcePackageFiles {
  const read = (): Omit<SourcePackageFiles, "files"> & { names: string[] } => {
    const stanza = parseSource(readFileSync(dsc, "latin1"), dsc);
    return {
      name: (stanza.get("Source") ?? stanza.get("Package"))!,
      version: stanza.get("Version")!,
      isForAll: stanza.get("Architecture")?.trim() === "all",
      names: [basename(dsc), ...sourceFiles(stanza, dsc).map(({ name }) => name)],
    };
  };
  const { names, ...source } = telling(dsc, read);
  const files = names.map((name) => ({
    name,
    path: join(dirname(dsc), name),
    role: "input",
    media: "application/octet-stream",
  }));
  const missing = files.find(({ path }) => !existsSync(path));
  if (missing !== undefined) throw new OperationError("build", dsc, `lists ${missing.name}, which is not beside it`);
  return { ...source, files };
}

function telling<T>(dsc: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === undefined
      ? toldFailure(dsc, error, new Set(["SourceError"]))
      : new OperationError("build", dsc, hostReason(error), { cause: error });
  }
}
