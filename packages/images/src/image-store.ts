/**
 * Images on the host, one folder each, under `STRATOS_HOME/images`:
 *
 *     images/NAME/layer-0.aegisfs   the root, an AegisFS volume in one file, never written again
 *     images/NAME/layer-1.aegisfs   changes over it (`--keep`), and so on; lower layers are hard links to those of the
 *     image below
 *     images/NAME/image.json        what it is (ImageDescription)
 *     images/NAME/warm-start        a machine whose program waits (warm/warm-start.ts); it goes with the image
 *     images/.new-PID-RANDOM/    an image that is being made
 *
 *     images/.old-NAME-PID-RANDOM/    an image in the moment when another takes its place
 *
 * An image appears by one rename(2), so that no half image can be seen; folders of makers that are gone are removed
 * when the store is next written to. Replacing one takes two renames: whoever finds the image missing between them
 * waits for the second, or, when its maker is gone, takes the first back. A run that has an image open keeps its file
 * when the image is removed.
 */
import { writeWhole } from "@stratos/host-node/files";
import { isRunning, lockOwner, removeLeftovers, sleepSync } from "@stratos/host-node";
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { basename, join } from "node:path";
import { makeFolders, hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";

export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
}

/** `image.json`. */
export interface ImageDescription {
  readonly format: 1;
  readonly architecture: string;
  /** Debian suite; null for an imported image. */
  readonly suite: string | null;
  readonly createdAt: string;
  readonly packages: readonly InstalledPackage[];
  /** Number of layer files. */
  readonly layers: number;
  /** Where it came from: `build`, `import`, `pull`, `keep`, `built-in`. */
  readonly origin: string;
  /** Changes of its packages, the oldest first; each is a layer. */
  readonly history?: readonly ImageTransaction[];
}

/** One change of an image's packages: a clone of the state before, which stays below it. */
export interface ImageTransaction {
  readonly id: number;
  readonly at: string;
  /** The command line, without `stratos`. */
  readonly command: string;
  /** `name version`. */
  readonly installed: readonly string[];
  readonly upgraded: readonly string[];
  readonly removed: readonly string[];
  /** Number of layers before and after. */
  readonly layersBefore: number;
  readonly layersAfter: number;
  /** Its state is gone, since the image was rolled back to one before it. */
  readonly isUndone?: true;
}

export interface ImageEntry {
  readonly name: string;
  readonly description: ImageDescription;
  readonly sizeBytes: number;
}

/** A folder in which an image is being made. */
export interface ImageDraft {
  readonly folder: string;
  /** Path for a layer. */
  layerPath(layer: number): string;
  /**
   * Takes over the layers of an image, or the lowest `count` of them; they are shared with it. @returns their paths,
   * from the bottom up
   */
  shareLayers(entry: ImageEntry, count?: number): string[];
  /** Makes it the image `name`; the one of that name, if any, goes. */
  publish(name: string, description: ImageDescription): void;
  /** Removes it; nothing when it has been published. */
  discard(): void;
}

export class ImageStore {
  readonly #folder: string;

  constructor(home: string) {
    this.#folder = join(home, "images");
  }

  /**
   * All images, by name. Folders without a description are not images.
   * @param onBroken  is told why one of them cannot be read; without it they are left out
   */
  list(onBroken: (error: OperationError) => void = () => {}): ImageEntry[] {
    let names: string[];
    try {
      names = readdirSync(this.#folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw new OperationError("image", this.#folder, hostReason(error), { cause: error });
    }
    // What was about to be replaced belongs to the list too.
    for (const old of names.map(oldImage)) if (old !== null && !names.includes(old.name)) names.push(old.name);
    return [...new Set(names)]
      .filter((name) => !name.startsWith("."))
      .sort()
      .map((name) => {
        try {
          return this.find(name);
        } catch (error) {
          if (!(error instanceof OperationError)) throw error;
          onBroken(error);
          return null;
        }
      })
      .filter((entry) => entry !== null);
  }

  /**
   * @param name  of an image, or of a state of its past ({@link stateNames})
   * @returns null when there is no such image
   */
  find(name: string): ImageEntry | null {
    const state = stateOf(name);
    return state === null ? this.#read(name, 0) : this.#findState(name, state);
  }

  /** Is there one of that name, which may not be readable? */
  holds(name: string): boolean {
    return stateOf(name) === null && existsSync(join(this.#folder, name, DESCRIPTION));
  }

  #read(name: string, attempt: number): ImageEntry | null {
    let description: ImageDescription | null;
    try {
      description = JSON.parse(readFileSync(join(this.#folder, name, DESCRIPTION), "utf8")) as ImageDescription | null;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "ENOENT" || code === "ENOTDIR") return this.#isBack(name) ? this.#read(name, attempt) : null;
      throw unreadable(name, hostReason(error), error);
    }
    if (description?.format !== 1)
      throw new OperationError(
        "image",
        name,
        `the image has format ${String(description?.format)}, and this version reads format 1; build it again`,
      );
    let sizeBytes = 0;
    for (const path of layerPaths(join(this.#folder, name), description.layers)) {
      try {
        sizeBytes += statSync(path).blocks * 512;
      } catch (error) {
        // Another image may have taken its place since the description was read.
        if (attempt < REREAD_ATTEMPTS) {
          sleepSync(REPLACING_WAIT_MS);
          return this.#read(name, attempt + 1);
        }
        throw unreadable(name, `${basename(path)}: ${hostReason(error)}`, error);
      }
    }
    return { name, description, sizeBytes };
  }

  #findState(
    name: string,
    { image, change, isBefore }: { image: string; change: number; isBefore: boolean },
  ): ImageEntry | null {
    const entry = this.find(image);
    if (entry === null) return null;
    const { history = [] } = entry.description;
    const transaction = history.find((one) => one.id === change);
    if (transaction === undefined || transaction.isUndone === true)
      throw new OperationError(
        "image",
        name,
        transaction === undefined
          ? `${image} has no change ${change}; \`stratos pkg history -i ${image}\` lists them`
          : "is gone: the change was taken back, or became one with later ones",
      );
    const layers = isBefore ? transaction.layersBefore : transaction.layersAfter;
    return {
      ...entry,
      name,
      description: {
        ...entry.description,
        layers,
        history: history.filter((one) => one.layersAfter <= layers || one.isUndone === true),
      },
    };
  }

  /** @throws OperationError when there is no such image */
  require(name: string): ImageEntry {
    const entry = this.find(name);
    if (entry === null)
      throw new OperationError(
        "no-image",
        name,
        "no such image; `stratos image ls` lists them, `stratos image build` makes one",
      );
    return entry;
  }

  /** Files of an image's layers, from the bottom up. */
  layerPaths(entry: ImageEntry): string[] {
    return layerPaths(join(this.#folder, stateOf(entry.name)?.image ?? entry.name), entry.description.layers);
  }

  /** Where a machine that runs may start from stands, if there is one. */
  warmStartPath(entry: ImageEntry): string {
    return join(this.#folder, stateOf(entry.name)?.image ?? entry.name, "warm-start");
  }

  remove(name: string): void {
    requireImage(name);
    this.#sweep();
    // Out of sight at once, then away: a removal that is interrupted leaves no broken image.
    const grave = this.#newFolderPath();
    renameSync(join(this.#folder, name), grave);
    rmSync(grave, { recursive: true, force: true });
  }

  createDraft(): ImageDraft {
    makeFolders(this.#folder);
    this.#sweep();
    const folder = this.#newFolderPath();
    mkdirSync(folder);
    let isOpen = true;
    return {
      folder,
      layerPath: (layer) => layerPaths(folder, layer + 1)[layer]!,
      shareLayers: (entry, count = entry.description.layers) => {
        const shared = layerPaths(folder, count);
        for (const [index, path] of this.layerPaths(entry).slice(0, count).entries()) linkSync(path, shared[index]!);
        return shared;
      },
      publish: (name, description) => {
        requireImage(name);
        writeWhole(join(folder, DESCRIPTION), `${JSON.stringify(description, null, 2)}\n`, { flush: true });
        const place = join(this.#folder, name);
        const grave = join(this.#folder, `${OLD_PREFIX}${name}-${process.pid}-${randomBytes(4).toString("hex")}`);
        try {
          renameSync(place, grave);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        }
        try {
          renameSync(folder, place);
        } catch (error) {
          if (existsSync(grave)) renameSync(grave, place);
          throw error;
        }
        isOpen = false;
        rmSync(grave, { recursive: true, force: true });
      },
      discard: () => {
        if (isOpen) rmSync(folder, { recursive: true, force: true });
        isOpen = false;
      },
    };
  }

  #newFolderPath(): string {
    return join(this.#folder, `${DRAFT_PREFIX}${process.pid}-${randomBytes(4).toString("hex")}`);
  }

  /**
   * Whether an image that is missing was only about to be replaced, and is there now: the new one, or the old one
   * again.
   */
  #isBack(name: string): boolean {
    for (let attempt = 0; attempt < REPLACING_ATTEMPTS; attempt++) {
      const old = this.#names().find((one) => oldImage(one)?.name === name);
      if (existsSync(join(this.#folder, name))) return existsSync(join(this.#folder, name, DESCRIPTION));
      if (old === undefined) return false;
      if (!isRunning(oldImage(old)!.pid)) {
        try {
          renameSync(join(this.#folder, old), join(this.#folder, name));
        } catch {
          continue; // Somebody else was first, and put it there.
        }
        return true;
      }
      sleepSync(REPLACING_WAIT_MS);
    }
    return false;
  }

  #names(): string[] {
    try {
      return readdirSync(this.#folder);
    } catch {
      return []; // No folder yet, or one that cannot be read: what follows says so.
    }
  }

  /** Removes drafts whose process is gone, and what they were about to replace; puts back what would be missing. */
  #sweep(): void {
    for (const name of this.#names()) {
      const old = oldImage(name);
      if (old !== null && !isRunning(old.pid) && (existsSync(join(this.#folder, old.name)) || !this.#isBack(old.name)))
        rmSync(join(this.#folder, name), { recursive: true, force: true });
      const pid = name.startsWith(DRAFT_PREFIX) ? Number.parseInt(name.slice(DRAFT_PREFIX.length), 10) : Number.NaN;
      if (Number.isInteger(pid) && !isRunning(pid)) rmSync(join(this.#folder, name), { recursive: true, force: true });
      // A build that was killed leaves its lock.
      if (name.startsWith(LOCK_PREFIX) && name.endsWith(".lock")) {
        const locked = join(this.#folder, name.slice(0, -".lock".length));
        if (lockOwner(locked) === null) removeLeftovers(locked);
      }
    }
  }
}

/** Names of the states before and after a change, under which they can be looked at; null when they are gone. */
export function stateNames(
  image: string,
  { id, isUndone }: ImageTransaction,
): { before: string; after: string } | null {
  return isUndone === true ? null : { before: `${image}@${id}-before`, after: `${image}@${id}` };
}

function stateOf(name: string): { image: string; change: number; isBefore: boolean } | null {
  const found = /^([^@]+)@([1-9][0-9]*)(-before)?$/.exec(name);
  return found === null ? null : { image: found[1]!, change: Number(found[2]), isBefore: found[3] !== undefined };
}

/** @throws OperationError  the name is that of a state, which stays as it is */
export function requireImage(name: string): void {
  if (stateOf(name) !== null)
    throw new OperationError(
      "image",
      name,
      "is a state of the past, which is not changed; what is made of it needs a name of its own (--to, --keep)",
    );
}

function layerPaths(folder: string, layers: number): string[] {
  return Array.from({ length: layers }, (_, layer) => join(folder, `layer-${layer}.aegisfs`));
}

/** The name and the process of `.old-NAME-PID-RANDOM`, or null. */
function oldImage(folder: string): { name: string; pid: number } | null {
  const match = /^\.old-(.+)-(\d+)-[0-9a-f]{8}$/.exec(folder);
  return match === null ? null : { name: match[1]!, pid: Number(match[2]) };
}

function unreadable(name: string, why: string, cause: unknown): OperationError {
  return new OperationError(
    "image",
    name,
    `the image cannot be read: ${why}; \`stratos image rm ${name}\` removes what there is of it`,
    { cause },
  );
}

const OLD_PREFIX = ".old-";
const REREAD_ATTEMPTS = 3;
/** Two renames follow one another within a millisecond. */
const REPLACING_ATTEMPTS = 100;
const REPLACING_WAIT_MS = 5;
const DESCRIPTION = "image.json";
const DRAFT_PREFIX = ".new-";
/** Locks of images that are being built or changed: a name behind it, `.lock` behind that. */
export const LOCK_PREFIX = ".build-";
