/** Folders that composes have written: what each image in them was made of. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseProvenance, ProvenanceError, type Recipe } from "@stratos/compose";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";

const SUFFIX = ".provenance.json";

export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw new OperationError("build", path, hostReason(error), { cause: error });
  }
}

/** @param path  a provenance file, or a folder of some. @throws OperationError */
export async function readRecipes(path: string): Promise<Recipe[]> {
  const files = (await isFolder(path))
    ? (await readdir(path))
        .filter((name) => name.endsWith(SUFFIX))
        .sort()
        .map((name) => join(path, name))
    : [path];
  if (files.length === 0) throw new OperationError("build", path, `holds no compose: there is no ${SUFFIX} file`);
  return Promise.all(
    files.map(async (file) => {
      try {
        return parseProvenance(await readFile(file, "utf8"), file);
      } catch (error) {
        if (error instanceof ProvenanceError)
          throw new OperationError("build", file, error.message.replace(`${file}: `, ""), { cause: error });
        throw new OperationError("build", file, hostReason(error), { cause: error });
      }
    }),
  );
}
