/** Files of pages as gzip, for who takes that (RFC 9110 §8.4.1, §12.5.3); each is packed once. */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

const gzipOf = promisify<Uint8Array, Buffer>(gzip);

/** Text and WebAssembly: what a page's names end in that is not packed already. */
const PACKABLE = /\.(?:html|js|css|json|wasm)$/;
/** Below that a packet carries it either way. */
const SIZE_MIN = 1024;
/** Versions of files that are held: a page has some thirty files. */
const HELD_MAX = 200;

export class PackedFiles {
  readonly #packed: Map<string, Promise<Uint8Array | null>>;
  constructor() {
    this.#packed = new Map();
  }

  /**
   * @param version  tells one content of that name from another
   * @param accepted  the request's Accept-Encoding
   * @returns the content as gzip; null: it is to be sent as it is
   */
  async packed(
    name: string,
    version: string,
    content: () => Promise<Uint8Array>,
    accepted: string | undefined,
  ): Promise<Uint8Array | null> {
    if (!PACKABLE.test(name) || !takesGzip(accepted)) return null;
    const key = `${name}\n${version}`;
    let packed = this.#packed.get(key);
    if (packed === undefined) {
      packed = content().then(smallerOf);
      this.#packed.set(key, packed);
      packed.catch(() => this.#packed.delete(key));
      if (this.#packed.size > HELD_MAX) this.#packed.delete(this.#packed.keys().next().value!);
    }
    return packed;
  }
}

async function smallerOf(content: Uint8Array): Promise<Uint8Array | null> {
  if (content.length < SIZE_MIN) return null;
  const packed = await gzipOf(content);
  return packed.length < content.length ? packed : null;
}

/** Whether a list of codings has gzip, or all, with a weight above 0. */
export function takesGzip(accepted = ""): boolean {
  const weights = new Map<string, number>();
  for (const item of accepted.toLowerCase().split(",")) {
    const [coding = "", ...parameters] = item.split(";").map((part) => part.trim());
    const weight = parameters.find((each) => each.startsWith("q="));
    weights.set(coding, weight === undefined ? 1 : Number(weight.slice(2)));
  }
  return (weights.get("gzip") ?? weights.get("x-gzip") ?? weights.get("*") ?? 0) > 0;
}

/** A validator of a content; the same for its encodings, hence weak (RFC 9110 §8.8.1). */
export function entityTag(content: Uint8Array): string {
  return `W/"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`;
}

/** Whether If-None-Match has the validator, by weak comparison (RFC 9110 §13.1.2). */
export function hasTag(ifNoneMatch: string | undefined, tag: string): boolean {
  const opaque = (each: string): string => each.trim().replace(/^W\//, "");
  return (ifNoneMatch ?? "").split(",").some((each) => each.trim() === "*" || opaque(each) === opaque(tag));
}
