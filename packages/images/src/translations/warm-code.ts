/**
 * Fills this user's translations (docs/decisions/0018) with what common programs of an image execute, so that their
 * first run finds what a later one would. Nothing of the image is changed.
 */
import type { ArchiveName, ArchivePieces, CodeArchive } from "@stratos/host";
import { NodeWasmEngine } from "@stratos/host-node";
import { keepProfiles } from "@stratos/riscv";
import { isAbsentFromVolume, SessionError } from "@stratos/session";
import { runInGuest } from "../run-in-guest.ts";
import { ImageStore } from "../image-store.ts";
import { cloneVolume } from "../image-volume.ts";
import { keptTranslations } from "./kept-translations.ts";
import { WARM_PROGRAMS, type WarmProgram } from "./warm-programs.ts";

/** What has not run by then stays cold. */
const LIMITS = { allMs: 120_000, oneMs: 20_000 };
/** What programs may change of their clone. */
const CLONE_BYTES = 512 << 20;

interface WarmProgress {
  readonly done: number;
  readonly total: number;
  /** The program that runs. */
  readonly name: string;
}

interface WarmRequest {
  readonly image: string;
  /** STRATOS_HOME */
  readonly home: string;
  /** for `sh -c`, before the programs */
  readonly lines?: readonly string[];
  readonly programs?: readonly WarmProgram[];
  /** How long all programs, and one, may take; no program is begun after the former. */
  readonly limits?: { readonly allMs: number; readonly oneMs: number };
}

/**
 * @returns how many archives were made or have grown; 0 where the user wants none, or this Node can keep none
 */
export async function warmCode(
  { image, home, lines = [], programs = WARM_PROGRAMS, limits = LIMITS }: WarmRequest,
  onProgress: (progress: WarmProgress) => void,
): Promise<number> {
  const archive = keptTranslations(home);
  if (archive === undefined) return 0;
  const store = new ImageStore(home);
  const layers = store.layerPaths(store.require(image));
  const own = lines.map((line): WarmProgram => ({ name: line, needs: "/bin/sh", line }));
  const all = [...own, ...programs];
  const engine = new NodeWasmEngine();
  const endMs = performance.now() + limits.allMs;
  let written = 0;
  for (const [done, { name, needs, line }] of all.entries()) {
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) break;
    onProgress({ done, total: all.length, name });
    const profiles = new ProfileCollector(archive);
    const clone = cloneVolume(layers, CLONE_BYTES);
    try {
      if (isAbsentFromVolume(clone.volume.root, needs)) continue;
      await runInGuest(clone, {
        argv: ["/bin/sh", "-c", line],
        codeArchive: profiles,
        timeoutMs: Math.min(limits.oneMs, leftMs),
        onLine: () => {},
      });
    } catch (error) {
      // An image without a shell, say, has nothing to be warmed.
      if (!(error instanceof SessionError)) throw error;
    } finally {
      clone.close();
    }
    for (const profile of profiles.waiting) written += keepProfiles(profile, archive, engine);
  }
  return written;
}

/** Translates here what a process in the background would: who waits for an image waits for this, too. */
class ProfileCollector implements CodeArchive {
  readonly waiting: Uint8Array[] = [];
  readonly #archive: CodeArchive;

  constructor(archive: CodeArchive) {
    this.#archive = archive;
  }

  open(name: ArchiveName): ArchivePieces | null {
    return this.#archive.open(name);
  }

  write(name: ArchiveName, pieces: readonly Uint8Array[]): boolean {
    return this.#archive.write(name, pieces);
  }

  submit(profile: Uint8Array): void {
    this.waiting.push(profile);
  }
}
