/**
 * Whom signatures are believed from: OpenPGP certificates, all of a file's or only some of them. Source: RFC 9580
 * §5.5.4 (fingerprints and key IDs), §10.1 (certificates); sources.list(5), `Signed-By`.
 */
import { byteStringOf } from "@stratos/base";
import type { PublicKey } from "openpgp";
import { MirrorError, type SourceEntry } from "./sources.ts";

/**
 * Certificates, binary or armored. `only` are fingerprints in lower case of those that count: of a certificate, with
 * all its subkeys, or of a subkey; with `!` behind it just that key counts.
 */
export type Keyring = Uint8Array | { readonly bytes: Uint8Array; readonly only: readonly string[] };

/** Of keyrings only what has one of some fingerprints; without any, all. */
export function withOnly(keyrings: readonly Keyring[], fingerprints: readonly string[]): Keyring[] {
  if (fingerprints.length === 0) return [...keyrings];
  return keyrings.map((keyring) =>
    "only" in keyring
      ? { bytes: keyring.bytes, only: keyring.only.filter((one) => fingerprints.includes(one)) }
      : { bytes: keyring, only: fingerprints },
  );
}

/** Names all that is trusted, for a hash over it. */
export function* partsOf(keyrings: readonly Keyring[]): Generator<Uint8Array> {
  for (const keyring of keyrings) {
    const { bytes, only = undefined } = "only" in keyring ? keyring : { bytes: keyring };
    yield byteStringOf(`\n${bytes.length}${only === undefined ? "" : ` ${only.join(" ")}`}\n`);
    yield bytes;
  }
}

const BLOCK = /-----BEGIN PGP PUBLIC KEY BLOCK-----.*?-----END PGP PUBLIC KEY BLOCK-----/gs;

/**
 * The parts of a keyring: itself when it is binary; else its armored blocks, of which people put several behind each
 * other, with words between them, as apt reads them. Without any block, the text as it stands, which cannot be read.
 */
function blocksOf(bytes: Uint8Array): (Uint8Array | string)[] {
  // RFC 9580 §4.2: a packet begins with a byte of which the highest bit is set.
  if (bytes.length === 0 || bytes[0]! >= 0x80) return [bytes];
  const text = new TextDecoder().decode(bytes);
  return text.match(BLOCK) ?? [text];
}

async function readCertificates(block: Uint8Array | string): Promise<PublicKey[]> {
  const openpgp = await import("openpgp");
  return typeof block === "string" ? openpgp.readKeys({ armoredKeys: block }) : openpgp.readKeys({ binaryKeys: block });
}

/**
 * When a key's signatures count no more, in seconds since 1970: when it or its certificate expires; 0: they never do.
 *
 * @param keyFingerprint  the certificate's own, or one of its subkeys'
 */
export async function expiryOf(certificate: PublicKey, keyFingerprint: string, nowSeconds: number): Promise<number> {
  const now = new Date(nowSeconds * 1000);
  const subkey = certificate.subkeys.find((one) => one.getFingerprint() === keyFingerprint);
  const times = [await certificate.getExpirationTime(), ...(subkey ? [await subkey.getExpirationTime(now)] : [])];
  // Null: no valid signature says that it is a key.
  return Math.min(
    ...times.map((time) => (time === null ? 0 : typeof time === "number" ? time : time.getTime() / 1000)),
  );
}

export class TrustedKeys {
  /** all certificates, also those that do not count: so that a signature by one of these can be told */
  readonly certificates: PublicKey[] = [];
  /** why a keyring could not be read */
  unreadable: unknown = undefined;
  readonly #only = new Map<PublicKey, readonly string[] | undefined>();

  static async read(keyrings: readonly Keyring[]): Promise<TrustedKeys> {
    const trusted = new TrustedKeys();
    for (const keyring of keyrings) {
      const { bytes, only = undefined } = "only" in keyring ? keyring : { bytes: keyring };
      // One of them that is damaged, or of another format, is no reason to distrust what the others vouch for.
      for (const block of blocksOf(bytes)) {
        try {
          for (const key of await readCertificates(block)) {
            trusted.certificates.push(key);
            trusted.#only.set(key, only);
          }
        } catch (cause) {
          trusted.unreadable = cause;
        }
      }
    }
    return trusted;
  }

  /**
   * Whether a good signature counts.
   *
   * @param certificate  of the key that verified it
   * @param keyFingerprint  of that key: the certificate's own, or one of its subkeys'
   * @returns why it does not; undefined: it does
   */
  refusal(certificate: PublicKey, keyFingerprint: string): string | undefined {
    const own = certificate.getFingerprint();
    // The same certificate may stand in several keyrings, of which one lets it count.
    const rules = this.certificates.filter((one) => one.getFingerprint() === own).map((one) => this.#only.get(one));
    if (
      rules.some(
        (only) => only === undefined || only.some((name) => name.replace(/!$/, "") === keyFingerprint || name === own),
      )
    )
      return undefined;
    const named = new Set(rules.flatMap((only) => only ?? []));
    return (
      `${shown(own)} is trusted, but this source is to be signed by ` +
      `${[...named].map(shown).join(" or ") || "another key"}`
    );
  }
}

/** As people write them. */
function shown(fingerprint: string): string {
  return fingerprint.toUpperCase();
}

/** What `Signed-By` of a source names. */
interface SignedBy {
  /** the key itself */
  key: Uint8Array | undefined;
  /** absolute paths of keyrings; without any, and without a key, all that the system trusts */
  files: string[];
  /** in lower case, maybe with `!` */
  fingerprints: string[];
}

/** @throws MirrorError  a word is neither the path of a keyring nor a fingerprint */
export function signedByOf({ signedBy, uri, suite }: SourceEntry): SignedBy {
  if (signedBy === undefined) return { key: undefined, files: [], fingerprints: [] };
  // deb822(5): a line of the value that is empty stands as a dot.
  if (signedBy.includes("BEGIN PGP"))
    return {
      key: byteStringOf(
        signedBy
          .split("\n")
          .map((line) => line.trim())
          .map((line) => (line === "." ? "" : line))
          .join("\n")
          .trim(),
      ),
      files: [],
      fingerprints: [],
    };
  const words = signedBy.split(/[\s,]+/).filter((word) => word !== "");
  const fingerprints = words.filter((word) => !word.startsWith("/")).map((word) => word.toLowerCase());
  const wrong = fingerprints.find((word) => !/^[0-9a-f]{40}!?$/.test(word));
  if (wrong !== undefined)
    throw new MirrorError(
      `${uri} ${suite}: Signed-By is to name keyrings by their absolute paths, or keys by their fingerprints of ` +
        `40 hexadecimal digits, not ${wrong}`,
    );
  return { key: undefined, files: words.filter((word) => word.startsWith("/")), fingerprints };
}
