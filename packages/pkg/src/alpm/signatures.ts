/**
 * Detached OpenPGP signatures of packages and databases, and whom they must be by.
 *
 * Keyrings come as pacman-key(8) takes them in: `NAME.gpg` with certificates, `NAME-trusted` with the fingerprints of
 * the master keys and how far each is trusted (4 marginally, 5 fully, 6 ultimately), `NAME-revoked` with those that are
 * no longer. A packager's key counts as trusted when a fully trusted key or three marginally trusted ones certified it,
 * as in GnuPG.
 */
import { byteString } from "@stratos/base";
import { verifySignatures } from "../verified-signatures.ts";
import type { SignatureRule } from "./signature-level.ts";

/** A signature that is missing, wrong, or of somebody who is not trusted. */
export class SignatureError extends Error {
  override name = "SignatureError";
}

export interface KeyringFile {
  /**
   * `archlinux.gpg`, `archlinux-trusted`, `archlinux-revoked`; what has another ending is certificates that are trusted
   * directly
   */
  name: string;
  content: Uint8Array;
}

type OpenPgp = typeof import("openpgp");
type Key = import("openpgp").Key;

/** Marginally trusted keys that make a key trusted (GnuPG's --marginals-needed). */
const MARGINALS_NEEDED = 3;
const TRUST_MARGINAL = 4;
const TRUST_FULL = 5;

export class Keyring {
  readonly #openpgp: OpenPgp;
  readonly #keys: Key[];
  /** fingerprints, lower case */
  readonly #trusted: ReadonlySet<string>;

  private constructor(openpgp: OpenPgp, keys: Key[], trusted: ReadonlySet<string>) {
    this.#openpgp = openpgp;
    this.#keys = keys;
    this.#trusted = trusted;
  }

  /** @throws SignatureError  a keyring cannot be read */
  static async load(files: readonly KeyringFile[], nowSeconds: number): Promise<Keyring> {
    const openpgp = await import("openpgp");
    const keys: Key[] = [];
    const ownerTrust = new Map<string, number>();
    const revoked = new Set<string>();
    const trusted = new Set<string>();
    for (const { name, content } of files) {
      if (/-(trusted|revoked)$/.test(name)) {
        for (const line of byteString(content).split("\n")) {
          const match = /^\s*([0-9A-Fa-f]{40,64})(?::([0-9]+):?)?\s*$/.exec(line);
          if (match === null) continue;
          if (name.endsWith("-revoked")) revoked.add(match[1]!.toLowerCase());
          else ownerTrust.set(match[1]!.toLowerCase(), Number(match[2] ?? TRUST_MARGINAL));
        }
        continue;
      }
      try {
        const isArmored = content[0] === 0x2d;
        const read = isArmored
          ? await openpgp.readKeys({ armoredKeys: byteString(content) })
          : await openpgp.readKeys({ binaryKeys: content });
        keys.push(...read);
        // A keyring without a list of trust was given by whoever trusts it.
        const hasTrust = files.some((file) => file.name === name.replace(/\.gpg$/, "-trusted"));
        if (!hasTrust) for (const key of read) trusted.add(key.getFingerprint());
      } catch (cause) {
        throw new SignatureError(`${name}: the keyring cannot be read`, { cause });
      }
    }
    const date = new Date(nowSeconds * 1000);
    const masters = keys.filter((key) => (ownerTrust.get(key.getFingerprint()) ?? 0) >= TRUST_MARGINAL);
    for (const key of keys) {
      if (masters.includes(key) || trusted.has(key.getFingerprint())) {
        trusted.add(key.getFingerprint());
        continue;
      }
      if (await isCertified(key, masters, ownerTrust, date)) trusted.add(key.getFingerprint());
    }
    for (const fingerprint of revoked) trusted.delete(fingerprint);
    return new Keyring(
      openpgp,
      keys.filter((key) => !revoked.has(key.getFingerprint())),
      trusted,
    );
  }

  get size(): number {
    return this.#keys.length;
  }

  /** Only the keys with these fingerprints (or the ends of them), all of them trusted. */
  only(fingerprints: readonly string[]): Keyring {
    const keys = this.#keys.filter((key) =>
      fingerprints.some((one) => one.length >= 16 && key.getFingerprint().endsWith(one)),
    );
    return new Keyring(this.#openpgp, keys, new Set(keys.map((key) => key.getFingerprint())));
  }

  /**
   * Checks `signature` of `content` by `rule`.
   *
   * @param what  for messages
   * @returns whether a good signature was there
   * @throws SignatureError  it is required and missing, is wrong, or is by a key that is unknown, not trusted or out of
   *   date
   */
  async check(
    what: string,
    content: Uint8Array,
    signature: Uint8Array | undefined,
    rule: SignatureRule,
    nowSeconds: number,
  ): Promise<boolean> {
    if (rule.check === "never") return false;
    if (signature === undefined || signature.length === 0) {
      if (rule.check === "required") throw new SignatureError(`${what}: is not signed, and a signature is required`);
      return false;
    }
    const openpgp = this.#openpgp;
    let failure = "";
    try {
      const parsed =
        signature[0] === 0x2d
          ? await openpgp.readSignature({ armoredSignature: byteString(signature) })
          : await openpgp.readSignature({ binarySignature: signature });
      const message = await openpgp.createMessage({ binary: content });
      for (const one of await verifySignatures(this.#keys, parsed.getSigningKeyIDs(), (certificate) =>
        openpgp.verify({
          message,
          signature: parsed,
          verificationKeys: certificate,
          date: new Date(nowSeconds * 1000),
        }),
      )) {
        const key = one.signer?.certificate;
        if (key === undefined) {
          failure =
            one.failure === ""
              ? `is signed by the key ${one.keyId.toHex()}, which is not in the keyring`
              : `has a bad signature (${one.failure})`;
          continue;
        }
        if (rule.trustAll || this.#trusted.has(key.getFingerprint())) return true;
        failure =
          `is signed by ${key.getUserIDs()[0] ?? key.getFingerprint()}, whom the keyring holds but nobody trusted ` +
          "vouches for";
      }
    } catch (cause) {
      failure = `has a signature that cannot be read (${cause instanceof Error ? cause.message : String(cause)})`;
    }
    throw new SignatureError(`${what}: ${failure === "" ? "has an empty signature" : failure}`);
  }
}

async function isCertified(
  key: Key,
  masters: readonly Key[],
  ownerTrust: ReadonlyMap<string, number>,
  date: Date,
): Promise<boolean> {
  if (masters.length === 0) return false;
  for (const user of key.users) {
    let marginals = 0;
    for (const master of masters) {
      if (!user.otherCertifications.some((certification) => master.getKeys(certification.issuerKeyID).length > 0))
        continue;
      try {
        const results = await Promise.all(
          user.otherCertifications
            .filter((one) => master.getKeys(one.issuerKeyID).length > 0)
            .map((one) => user.verifyCertificate(one, [master], date)),
        );
        if (!results.some((result) => result === true)) continue;
      } catch {
        continue; // A certification that does not verify is none.
      }
      if (ownerTrust.get(master.getFingerprint())! >= TRUST_FULL) return true;
      if (++marginals >= MARGINALS_NEEDED) return true;
    }
  }
  return false;
}
