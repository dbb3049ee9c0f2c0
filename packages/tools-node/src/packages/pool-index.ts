/**
 * What is known of the packages in a repository's pool, kept in `conf/pool.json`: a package is read once, when it comes
 * or has changed, and not again each time that lists are signed. Read are its first part, its hashes in pieces, and the
 * names of its files; held at a time is its packed size, and unpacked no more than a piece.
 */
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { openDeb, parseControl, visitData, type PackagePorts, type PoolEntry } from "@stratos/pkg";
import { readWhole } from "@stratos/host-node/files";

const FORMAT = 1;

/** `mark`: another whenever the file may be. */
interface KeptPackage {
  readonly mark: string;
  readonly control: string;
  readonly sizeBytes: number;
  readonly md5: string;
  readonly sha256: string;
  readonly files: readonly string[];
}

export class PoolIndex {
  readonly #kept: Map<string, KeptPackage>;
  readonly #met = new Map<string, KeptPackage>();
  #isChanged = false;

  /** @param path  of the file; one that is not there, or damaged, knows nothing */
  constructor(path: string) {
    this.#kept = new Map(readKept(path));
  }

  /** @throws DebError */
  async read(
    path: string,
    place: { readonly component: string; readonly filename: string },
    ports: PackagePorts,
  ): Promise<PoolEntry> {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true }),
      mark = [dev, ino, size, mtimeNs, ctimeNs].join(" ");
    let known = this.#kept.get(place.filename);
    if (known?.mark !== mark) {
      known = { mark, ...(await describePackage(path, ports)) };
      this.#isChanged = true;
    }
    this.#met.set(place.filename, known);
    const { control, sizeBytes, md5, sha256, files } = known;
    return { ...place, control: parseControl(control, path)[0]!, sizeBytes, md5, sha256, files };
  }

  /** What the file is to hold; undefined: what it holds. Packages that were not asked for are forgotten. */
  changed(): string | undefined {
    return this.#isChanged || this.#met.size !== this.#kept.size
      ? `${JSON.stringify({ format: FORMAT, packages: [...this.#met] })}\n`
      : undefined;
  }
}

function readKept(path: string): readonly (readonly [string, KeptPackage])[] {
  try {
    const { format, packages } = JSON.parse(readFileSync(path, "utf8")) as {
      format: number;
      packages: [string, KeptPackage][];
    };
    return format === FORMAT ? packages : [];
  } catch {
    return [];
  }
}

/** What an index says of the package in a file. @throws DebError */
export async function describePackage(path: string, ports: PackagePorts): Promise<Omit<KeptPackage, "mark">> {
  const sums = { md5: ports.hasher("md5"), sha256: ports.hasher("sha256") },
    bytes = readWhole(path);
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES);
    sums.md5.update(piece);
    sums.sha256.update(piece);
  }
  const archive = await openDeb(bytes, path, ports),
    files: string[] = [];
  await visitData(archive, path, {
    entry: ({ path: name }) => void files.push(name.replace(/^(\.?\/)+/, "")),
    data() {},
    end() {},
  });
  return {
    control: archive.control.toString(),
    sizeBytes: bytes.length,
    md5: sums.md5.hex(),
    sha256: sums.sha256.hex(),
    files: files.filter((name) => name !== "" && !name.endsWith("/")),
  };
}

const PIECE_BYTES = 1 << 20;

/** Whether two files hold the same, read in pieces. */
export function isSameFile(left: string, right: string): boolean {
  if (statSync(left).size !== statSync(right).size) return false;
  const files = [openSync(left, "r"), openSync(right, "r")] as const,
    [one, other] = [Buffer.alloc(PIECE_BYTES), Buffer.alloc(PIECE_BYTES)];
  try {
    for (;;) {
      const count = readSync(files[0], one),
        same = readSync(files[1], other);
      if (count !== same || !one.subarray(0, count).equals(other.subarray(0, same))) return false;
      if (count === 0) return true;
    }
  } finally {
    for (const fd of files) closeSync(fd);
  }
}
