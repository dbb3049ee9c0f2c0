/** Signs what an OSTree repository offers: the commit that was made, and its summary. */
import { createPrivateKey, createPublicKey, sign, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { OstreeRepository, type OstreeMode, type OstreeSignature } from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { RepositoryFolder } from "@stratos/tools-node/outputs";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import { readKey } from "./signing-keys.ts";

interface SigningKeys {
  /** name of a key of `stratos pkg key`, or path of an armored OpenPGP private key */
  readonly gpg?: string;
  /** file with an Ed25519 key: PEM, or as `ostree sign` takes it (base64 of the seed and the public key) */
  readonly ed25519?: string;
}

/** @param time  of the commit, in seconds since 1970. @throws OperationError for keys that are none */
export async function signRepository(
  path: string,
  mode: OstreeMode,
  checksum: string,
  keys: SigningKeys,
  time: number,
): Promise<void> {
  if (keys.gpg === undefined && keys.ed25519 === undefined) return;
  const folder = new RepositoryFolder(path),
    repository = new OstreeRepository(folder, nodeCodecs(), mode);
  repository.signCommit(checksum, await commitSignatures(repository.commitBytes(checksum), keys, time));
  const summary = folder.read("summary");
  if (summary !== undefined) repository.signSummary(await commitSignatures(summary, keys, time));
}

/** Signatures of an object's bytes: the same for the same keys and time. @throws OperationError  keys that are none */
export async function commitSignatures(bytes: Uint8Array, keys: SigningKeys, time: number): Promise<OstreeSignature[]> {
  const ed25519 = keys.ed25519 === undefined ? null : readEd25519(keys.ed25519),
    gpg = keys.gpg === undefined ? null : readKey(keys.gpg),
    made: OstreeSignature[] = [];
  if (gpg !== null) {
    const { publicHalf, signDetached } = await import("@stratos/pkg");
    // A key cannot have signed before it was made, nor in a time to come, whatever time the commit has.
    made.push({
      kind: "gpg",
      bytes: await signDetached(
        bytes,
        gpg,
        Math.min(Math.max(time, (await publicHalf(gpg)).createdSeconds), Math.floor(Date.now() / 1000)),
      ),
    });
  }
  if (ed25519 !== null) made.push({ kind: "ed25519", bytes: sign(null, bytes, ed25519) });
  return made;
}

function readEd25519(path: string): KeyObject {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new OperationError("packages", path, hostReason(error), { cause: error });
  }
  try {
    const bytes = Buffer.from(text.trim(), "base64");
    const isPem = text.includes("-----BEGIN");
    const key = isPem
      ? createPrivateKey(text)
      : createPrivateKey({
          format: "jwk",
          key: {
            kty: "OKP",
            crv: "Ed25519",
            d: bytes.subarray(0, 32).toString("base64url"),
            x: bytes.subarray(32).toString("base64url"),
          },
        });
    if (key.asymmetricKeyType !== "ed25519" || (!isPem && bytes.length !== 64)) throw new Error("another kind of key");
    if (!isPem && createPublicKey(key).export({ format: "jwk" }).x !== bytes.subarray(32).toString("base64url"))
      throw new Error("the two halves are not of one key");
    return key;
  } catch (error) {
    throw new OperationError(
      "packages",
      path,
      "is no Ed25519 private key (PEM, or base64 of its seed and its public key)",
      {
        cause: error,
      },
    );
  }
}
