/**
 * Which files of the store are as they were made. Each is hashed before it is used, once in each process; and in later
 * ones only when it may have changed since (`ComposeStore.fingerprint`). `checked.json` in the store keeps what was
 * found:
 *
 *     { "format": 1, "files": { "layers/…": [fingerprint, hash], … } }     hash: of a tree's pack; of a package's "",
 *     since it says itself what it holds
 */
import { byteStringOf } from "@stratos/base";
import type { PackagePorts } from "@stratos/pkg";
import type { ComposeStore, Pack } from "../ports.ts";

export interface StorePorts {
  readonly store: ComposeStore;
  readonly packages: Pick<PackagePorts, "latin1" | "hasher">;
}

interface CheckedFile {
  readonly format: 1;
  readonly files: Readonly<Record<string, readonly [fingerprint: string, sha256: string]>>;
}

const CHECKED = "checked.json";
/** More than that are not carried along from process to process. */
const CARRIED_MAX = 20_000;
const BUFFER_BYTES = 1 << 20;

class Soundness {
  /** in this process: of files that were written or hashed, the hash */
  readonly known = new Map<string, string>();
  /** what earlier processes have found, and this one */
  readonly files = new Map<string, readonly [fingerprint: string, sha256: string]>();
  isLoaded = false;
  isChanged = false;
}

const ofStores = new WeakMap<ComposeStore, Soundness>();

function soundnessOf(store: ComposeStore): Soundness {
  let found = ofStores.get(store);
  if (found === undefined) ofStores.set(store, (found = new Soundness()));
  return found;
}

/** Reads what earlier processes have found; without it all is hashed. */
export async function loadSoundness(ports: StorePorts): Promise<void> {
  const soundness = soundnessOf(ports.store);
  if (soundness.isLoaded) return;
  soundness.isLoaded = true;
  const bytes = await ports.store.read(CHECKED);
  if (bytes === undefined) return;
  try {
    const { format, files } = JSON.parse(ports.packages.latin1(bytes)) as CheckedFile;
    if (format === 1)
      for (const [path, found] of Object.entries(files))
        if (!soundness.files.has(path)) soundness.files.set(path, found);
  } catch {
    // Half a file: all is hashed again.
  }
}

export async function saveSoundness(ports: StorePorts): Promise<void> {
  const soundness = soundnessOf(ports.store);
  if (!soundness.isChanged) return;
  soundness.isChanged = false;
  const files = [...soundness.files].filter(
    ([path]) => soundness.files.size <= CARRIED_MAX || soundness.known.has(path),
  );
  await ports.store.write(CHECKED, [
    byteStringOf(JSON.stringify({ format: 1, files: Object.fromEntries(files) } satisfies CheckedFile)),
  ]);
}

/** The file was just written, with this hash. */
export function noteWritten(ports: StorePorts, path: string, sha256: string): void {
  note(ports, path, sha256, ports.store.fingerprint(path));
}

function note({ store }: StorePorts, path: string, sha256: string, fingerprint: string | undefined): void {
  const soundness = soundnessOf(store);
  soundness.known.set(path, sha256);
  if (fingerprint === undefined) return;
  soundness.files.set(path, [fingerprint, sha256]);
  soundness.isChanged = true;
}

/** The hash of a file that was written or found sound. */
export function knownHash(store: ComposeStore, path: string): string | undefined {
  return soundnessOf(store).known.get(path);
}

/** Whether the file is what has this hash; `check` looks, when nothing is known of it. */
export function isSoundFile(ports: StorePorts, path: string, sha256: string, check: () => boolean): boolean {
  const soundness = soundnessOf(ports.store);
  if (soundness.known.get(path) === sha256) return true;
  const fingerprint = ports.store.fingerprint(path),
    found = soundness.files.get(path);
  if (fingerprint !== undefined && found?.[0] === fingerprint && found[1] === sha256) {
    soundness.known.set(path, sha256);
    return true;
  }
  if (!check()) return false;
  // As it was before it was looked at: what changed meanwhile is looked at again.
  note(ports, path, sha256, fingerprint);
  return true;
}

/** The hash of `sizeBytes` of a pack, from `offset`; of less, when it is shorter. */
export function hashPack(ports: StorePorts, pack: Pack, offset: number, sizeBytes: number): string {
  const hasher = ports.packages.hasher("sha256");
  const buffer = new Uint8Array(Math.min(sizeBytes, BUFFER_BYTES));
  for (let done = 0; done < sizeBytes;) {
    const count = pack.read(offset + done, buffer.subarray(0, Math.min(buffer.length, sizeBytes - done)));
    if (count <= 0) break;
    hasher.update(buffer.subarray(0, count));
    done += count;
  }
  return hasher.hex();
}
