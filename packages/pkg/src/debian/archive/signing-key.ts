/**
 * Keys that sign repositories. Ed25519 in the form that GnuPG 2.2 knows too, so that the gpgv of every Debian in use
 * can verify; signatures are SHA-512. Source: RFC 9580 §7 (cleartext), §5.2; apt-secure(8).
 */
import { ReleaseError } from "../release.ts";

export interface SigningKey {
  fingerprint: string;
  /** armored */
  publicKey: string;
  /** armored, without a passphrase: for its owner's eyes only */
  privateKey: string;
}

/** @param owner  for people: `Example Archive <archive@example.org>` or a name alone */
export async function createSigningKey(owner: string, nowSeconds: number): Promise<SigningKey> {
  const openpgp = await import("openpgp");
  const mail = /^(.*?)\s*<([^<>\s]+@[^<>\s]+)>$/.exec(owner);
  if (owner.trim() === "") throw new ReleaseError("a key needs a name");
  const { privateKey, publicKey } = await openpgp.generateKey({
    type: "ecc",
    curve: "ed25519Legacy",
    date: new Date(nowSeconds * 1000),
    format: "armored",
    userIDs: [mail === null ? { name: owner } : { name: mail[1]!, email: mail[2]! }],
  });
  return { fingerprint: (await openpgp.readKey({ armoredKey: publicKey })).getFingerprint(), publicKey, privateKey };
}

/** The public half of a private key, armored. `owner` is its first user, and `createdSeconds` when it was made. */
export async function publicHalf(
  privateKey: string,
): Promise<{ fingerprint: string; publicKey: string; binary: Uint8Array; owner: string; createdSeconds: number }> {
  const openpgp = await import("openpgp");
  try {
    const key = (await openpgp.readPrivateKey({ armoredKey: privateKey })).toPublic();
    return {
      fingerprint: key.getFingerprint(),
      publicKey: key.armor(),
      binary: key.write(),
      owner: key.getUserIDs()[0] ?? "",
      createdSeconds: key.getCreationTime().getTime() / 1000,
    };
  } catch (cause) {
    throw new ReleaseError("not an OpenPGP private key", { cause });
  }
}

/** `InRelease` and `Release.gpg` for a Release text. */
export async function signRelease(
  release: string,
  privateKey: string,
  nowSeconds: number,
): Promise<{ inRelease: string; detached: string }> {
  const openpgp = await import("openpgp");
  try {
    const key = await openpgp.readPrivateKey({ armoredKey: privateKey });
    if (!key.isDecrypted()) throw new ReleaseError("the private key has a passphrase; signing needs one without");
    const options = {
      signingKeys: key,
      date: new Date(nowSeconds * 1000),
      config: { preferredHashAlgorithm: openpgp.enums.hash.sha512 },
    };
    const inRelease = await openpgp.sign({
      message: await openpgp.createCleartextMessage({ text: release }),
      ...options,
    });
    const detached = await openpgp.sign({
      message: await openpgp.createMessage({ text: release }),
      detached: true,
      ...options,
    });
    return { inRelease, detached };
  } catch (cause) {
    if (cause instanceof ReleaseError) throw cause;
    throw new ReleaseError(`the Release file cannot be signed: ${(cause as Error).message}`, { cause });
  }
}

/** A detached signature of bytes, binary (RFC 9580 §10.4): the same for the same bytes, key and time. */
export async function signDetached(bytes: Uint8Array, privateKey: string, nowSeconds: number): Promise<Uint8Array> {
  const openpgp = await import("openpgp");
  try {
    const key = await openpgp.readPrivateKey({ armoredKey: privateKey });
    if (!key.isDecrypted()) throw new ReleaseError("the private key has a passphrase; signing needs one without");
    const options = {
      signingKeys: key,
      date: new Date(nowSeconds * 1000),
      config: { preferredHashAlgorithm: openpgp.enums.hash.sha512, nonDeterministicSignaturesViaNotation: false },
    };
    return (await openpgp.sign({
      message: await openpgp.createMessage({ binary: bytes }),
      detached: true,
      format: "binary",
      ...options,
    })) as Uint8Array;
  } catch (cause) {
    if (cause instanceof ReleaseError) throw cause;
    throw new ReleaseError(`cannot be signed: ${(cause as Error).message}`, { cause });
  }
}
