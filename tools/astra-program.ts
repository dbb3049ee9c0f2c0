/**
 * Compiles the shell and the utilities of the image `astra`, once for each version of AstraLisp: it is kept in
 * node_modules, whence the bundle takes it, so that who installs Stratos need not compile. Part of `npm run build`; the
 * bundle that a clone makes at its first start does without.
 */
import { existsSync, globSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, zstdCompressSync } from "node:zlib";
import { astraProgram, packedAstraName } from "@stratos/tools-node/lisp";

const COMPRESSION_LEVEL = 19;

/** Where it is kept. */
export function keptAstraProgram(): string {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  return join(root, "node_modules/.cache/stratos", packedAstraName(astraProgram().version));
}

if (import.meta.main) {
  const path = keptAstraProgram();
  if (!existsSync(path)) {
    const folder = dirname(path);
    mkdirSync(folder, { recursive: true });
    for (const old of globSync(packedAstraName("*"), { cwd: folder })) rmSync(join(folder, old), { force: true });
    const params = { [constants.ZSTD_c_compressionLevel]: COMPRESSION_LEVEL };
    const packed = zstdCompressSync(astraProgram().compile(), { params });
    const draft = join(folder, `.${basename(path)}.${process.pid}`);
    writeFileSync(draft, packed);
    renameSync(draft, path);
  }
}
