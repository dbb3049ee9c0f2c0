/**
 * Signatures in packages themselves, as debsigs makes and debsig-verify checks them: a member `_gpgorigin` after the
 * others, with a detached OpenPGP signature of the contents of `debian-binary`, `control.tar…` and `data.tar…`, one
 * after the other. apt does not need them, since it trusts the repository's; who gets a single file has nothing else.
 * Source: debsigs(1), debsig-verify(1), deb(5).
 */
import { concatBytes } from "@stratos/base";
import { parseAr, writeAr, type ArMember } from "@stratos/formats";
import { TrustedKeys } from "./keyring.ts";
import { verifySignatures } from "../verified-signatures.ts";
import { DebError } from "./deb-archive.ts";

/** The package's maker; other types (`maint`, `archive`) may stand beside. */
const MEMBER = "_gpgorigin";

/**
 * Signs a package; a signature that is there is replaced.
 *
 * @param privateKey  armored
 * @throws DebError  no package, or no key that can sign
 */
export async function signDeb(bytes: Uint8Array, privateKey: string, nowSeconds: number): Promise<Uint8Array> {
  const members = membersOf(bytes);
  const openpgp = await import("openpgp");
  let signature: Uint8Array;
  try {
    const signingKeys = await openpgp.readPrivateKey({ armoredKey: privateKey });
    if (!signingKeys.isDecrypted()) throw new DebError("the private key has a passphrase; signing needs one without");
    signature = (await openpgp.sign({
      message: await openpgp.createMessage({ binary: signedPart(members) }),
      signingKeys,
      detached: true,
      format: "binary",
      date: new Date(nowSeconds * 1000),
      config: { preferredHashAlgorithm: openpgp.enums.hash.sha512 },
    })) as Uint8Array;
  } catch (cause) {
    if (cause instanceof DebError) throw cause;
    throw new DebError(`the package cannot be signed: ${(cause as Error).message}`, { cause });
  }
  return writeAr([
    ...members.filter((member) => member.name !== MEMBER),
    { name: MEMBER, mtime: nowSeconds, uid: 0, gid: 0, mode: 0o100644, data: signature },
  ]);
}

/**
 * Checks a package's own signature.
 *
 * @param keyrings  trusted OpenPGP certificates, binary or armored
 * @returns fingerprints, in lower case, of the trusted keys that signed
 * @throws DebError  it is not signed, or by no trusted key, or has been changed since
 */
export async function verifyDebSignature(
  bytes: Uint8Array,
  keyrings: readonly Uint8Array[],
  nowSeconds: number,
): Promise<string[]> {
  const members = membersOf(bytes);
  const signature = members.find((member) => member.name === MEMBER);
  if (signature === undefined) throw new DebError("the package is not signed");
  const openpgp = await import("openpgp");
  try {
    const { certificates, unreadable } = await TrustedKeys.read(keyrings);
    if (certificates.length === 0 && unreadable !== undefined) throw unreadable;
    const message = await openpgp.createMessage({ binary: signedPart(members) }),
      parsed = await openpgp.readSignature({ binarySignature: signature.data });
    const signers: string[] = [];
    const failures: string[] = [];
    for (const { keyId, signer, failure } of await verifySignatures(
      certificates,
      parsed.getSigningKeyIDs(),
      (certificate) =>
        openpgp.verify({
          message,
          signature: parsed,
          verificationKeys: certificate,
          date: new Date(nowSeconds * 1000),
        }),
    )) {
      if (signer !== undefined) signers.push(signer.certificate.getFingerprint());
      else failures.push(`${keyId.toHex()}: ${failure === "" ? "no keyring has such a key" : failure}`);
    }
    if (signers.length === 0) throw new DebError(`no good signature by a trusted key (${failures.join("; ")})`);
    return signers;
  } catch (cause) {
    if (cause instanceof DebError) throw cause;
    throw new DebError(`the package's signature cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function membersOf(bytes: Uint8Array): ArMember[] {
  const members = parseAr(bytes);
  if (typeof members === "string" || members[0]?.name !== "debian-binary") throw new DebError("not a Debian package");
  return members;
}

/** Exactly one of each part: a second one would be signed by nobody's intention, and read by somebody. */
function signedPart(members: readonly ArMember[]): Uint8Array {
  const parts = ["debian-binary", "control.tar", "data.tar"].map((base) => {
    const found = members.filter((member) => member.name === base || member.name.startsWith(`${base}.`));
    if (found.length !== 1) throw new DebError(`the package holds ${found.length} members ${base}, not one`);
    return found[0]!.data;
  });
  return concatBytes(parts);
}
