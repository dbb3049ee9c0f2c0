/**
 * A pack on a web server. Pieces come from the store of those that were fetched before, else over the network; a
 * program that reads one which cannot be had waits for it, and somebody is told (`onWaiting`).
 */
import type { BlockDevice, CompressionCodec } from "@stratos/host";
import { requestNow, sleepNow } from "../sync-request.ts";
import { fetchFile, folderUrl, statusWords } from "../web-file.ts";
import { loadZstd } from "../zstd-codec.ts";
import { giveGroup, PackDevice } from "./pack-device.ts";
import { allPieces, checkDescription, checkIndex, pieceHash } from "./pack-index.ts";
import type { PackDescription, PackIndex, PieceName } from "./pack-index.ts";

/** Where pieces stay. */
interface KeptPieces {
  has(hash: string): boolean;
  get(hash: string): Uint8Array | null;
  put(hash: string, bytes: Uint8Array): void;
}

interface WebPackOptions {
  readonly kept: KeptPieces;
  readonly zstdUrl?: string;
  /** Words for people while a program waits for a piece; null: it has come. */
  readonly onWaiting: (words: string | null) => void;
}

/** What was read of a pack before: enough to open it without a network. */
export interface PackHead {
  readonly description: PackDescription;
  readonly index: PackIndex;
}

/** Between two tries of a piece that cannot be had. */
const RETRY_MS = 1000;
/** Requests at a time, where nobody waits for the order. */
const PARALLEL = 6;
/** Its content has another name. */
const SOMETHING_ELSE = "the server gives something else";

export class WebPack {
  readonly head: PackHead;
  readonly devices: readonly BlockDevice[];
  /** For the volumes that it holds. */
  readonly codecs: readonly CompressionCodec[];
  /** Bytes that came over the network for pieces, and in how many requests. */
  fetchedBytes = 0;
  requests = 0;
  readonly #folder: string;
  readonly #options: WebPackOptions;
  readonly #codec: CompressionCodec;
  readonly #packDevices: readonly PackDevice[];

  /** @param folder  URL, with the slash at its end */
  constructor(folder: string, head: PackHead, codec: CompressionCodec, options: WebPackOptions) {
    this.head = head;
    this.#folder = folder;
    this.#options = options;
    this.#codec = codec;
    this.codecs = head.index.isCompressed ? [codec] : [];
    const take = (piece: PieceName): Uint8Array => this.#takeNow(piece);
    this.devices = this.#packDevices = head.index.layers.map((layer) => new PackDevice(layer, take, codec));
  }

  /** @param folder  URL. @param known  what was read before; else it is fetched. @throws Error with words for people */
  static async open(folder: string, known: PackHead | null, options: WebPackOptions): Promise<WebPack> {
    const base = folderUrl(folder);
    const codec = loadZstd(options.zstdUrl);
    codec.catch(() => {}); // Whoever awaits it below gets the failure.
    const head = known ?? (await fetchHead(base, codec));
    return new WebPack(base, head, await codec, options);
  }

  /** Brings the groups, in their order. A group that cannot be had is left: its blocks come as chunks. */
  async prefetch(count: number): Promise<void> {
    for (const group of this.head.index.groups.slice(0, count)) {
      const file = this.#options.kept.get(group.hash) ?? (await this.#fetchPiece(group).catch(() => null));
      if (file !== null) giveGroup(this.#packDevices, group, file, this.#codec);
    }
  }

  /** Pieces that are not kept yet, and their bytes. */
  missing(): { readonly pieces: readonly PieceName[]; readonly bytes: number } {
    const pieces = allPieces(this.head.index).filter(({ hash }) => !this.#options.kept.has(hash));
    return { pieces, bytes: pieces.reduce((sum, { stored }) => sum + stored, 0) };
  }

  /**
   * Fetches all that is missing.
   *
   * @param progress  told bytes that are still missing. @throws Error with words for people when one cannot be had
   */
  async fetchMissing(progress: (bytes: number) => void): Promise<void> {
    const { pieces, bytes } = this.missing();
    let left = bytes,
      next = 0;
    const fetchSome = async (): Promise<void> => {
      while (next < pieces.length) {
        const piece = pieces[next++]!;
        await this.#fetchPiece(piece);
        progress((left -= piece.stored));
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, fetchSome));
  }

  /** @throws Error with words for people */
  async #fetchPiece(piece: PieceName): Promise<Uint8Array> {
    const url = this.#url(piece);
    const bytes = new Uint8Array(await (await fetchFile(url)).arrayBuffer());
    this.#count(bytes);
    if (pieceHash(bytes) !== piece.hash) throw new Error(`${url}: ${SOMETHING_ELSE}`);
    this.#options.kept.put(piece.hash, bytes);
    return bytes;
  }

  #takeNow(piece: PieceName): Uint8Array {
    const kept = this.#options.kept.get(piece.hash);
    if (kept !== null) return kept;
    for (let tries = 0; ; tries++) {
      // A damaged answer may be one that the browser remembers: the next one has another name.
      const url = this.#url(piece) + (tries === 0 ? "" : `?try=${tries}`);
      const answer = requestNow(url);
      const bytes = answer?.status === 200 ? answer.bytes : null;
      if (bytes !== null) this.#count(bytes);
      if (bytes !== null && pieceHash(bytes) === piece.hash) {
        if (tries > 0) this.#options.onWaiting(null);
        this.#options.kept.put(piece.hash, bytes);
        return bytes;
      }
      const why = bytes === null ? statusWords(answer?.status ?? null) : SOMETHING_ELSE;
      this.#options.onWaiting(`a program waits for a piece of the image: ${why}; trying again`);
      sleepNow(RETRY_MS);
    }
  }

  #url({ hash }: PieceName): string {
    return `${this.#folder}pieces/${hash}.zst`;
  }

  #count(bytes: Uint8Array): void {
    this.fetchedBytes += bytes.length;
    this.requests++;
  }
}

/** What the server has now. @throws Error with words for people */
export async function fetchDescription(folder: string): Promise<PackDescription> {
  const url = `${folderUrl(folder)}image.json`;
  const answer = await fetchFile(url, { cache: "no-cache" });
  return checkDescription(await answer.json().catch(() => null), url);
}

async function fetchHead(base: string, codec: Promise<CompressionCodec>): Promise<PackHead> {
  const description = await fetchDescription(base);
  const url = `${base}index-${description.index}.zst`;
  const bytes = new Uint8Array(await (await fetchFile(url)).arrayBuffer());
  if (pieceHash(bytes) !== description.index) throw new Error(`${url}: ${SOMETHING_ELSE}`);
  const text = new Uint8Array(description.indexBytes);
  const isWhole = (await codec).decompress(bytes, 0, bytes.length, text, 0, text.length);
  const index = isWhole ? (JSON.parse(new TextDecoder().decode(text)) as unknown) : null;
  return { description, index: checkIndex(index, url) };
}
