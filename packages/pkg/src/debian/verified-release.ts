/**
 * Remembers that a kept `InRelease` has been verified, so that only one whose bytes or whose trusted keys have changed
 * costs the work again. Its dates are looked at each time.
 */
import { byteStringOf } from "@stratos/base";
import type { PackagePorts } from "../ports.ts";
import { partsOf, type Keyring } from "./keyring.ts";
import { parseRelease, refuseUntimely, ReleaseError, verifyInRelease, type Release } from "./release.ts";

const BEGIN = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE = "\n-----BEGIN PGP SIGNATURE-----";

/**
 * Verifies an `InRelease` file, or finds that this very one has been.
 *
 * @param path  where the store keeps the file; what is remembered of it stands beside
 * @throws ReleaseError  no trusted signature, expired, or malformed
 */
export async function checkInRelease(
  ports: PackagePorts,
  path: string,
  bytes: Uint8Array,
  source: { keyrings: readonly Keyring[]; isExpiredGood?: boolean; isTrusted?: boolean },
): Promise<Release> {
  const { keyrings, isExpiredGood = false } = source;
  if (source.isTrusted === true) {
    const release = parseRelease(clearText(ports.latin1(bytes)));
    refuseUntimely(release, ports.nowSeconds(), isExpiredGood);
    return release;
  }
  const mark = markOf(ports, bytes, keyrings);
  const markPath = `${path}.verified`;
  const kept = await ports.store.read(markPath);
  const [keptMark, expiry, ...signers] = kept === undefined ? [] : ports.latin1(kept).trimEnd().split(" ");
  const signersExpireSeconds = Number(expiry);
  // A key may have expired since.
  if (keptMark === mark && signers.length > 0 && (isExpiredGood || signersExpireSeconds > ports.nowSeconds())) {
    const release = { ...parseRelease(clearText(ports.latin1(bytes))), signers, signersExpireSeconds };
    refuseUntimely(release, ports.nowSeconds(), isExpiredGood);
    return release;
  }
  const release = await verifyInRelease(ports.latin1(bytes), keyrings, ports.nowSeconds(), isExpiredGood);
  await ports.store.write(
    markPath,
    byteStringOf(`${mark} ${release.signersExpireSeconds} ${release.signers.join(" ")}\n`),
  );
  return release;
}

/** Names the bytes and all keys that were trusted. */
function markOf(ports: PackagePorts, bytes: Uint8Array, keyrings: readonly Keyring[]): string {
  const hasher = ports.hasher("sha256");
  hasher.update(bytes);
  for (const part of partsOf(keyrings)) hasher.update(part);
  return hasher.hex();
}

/**
 * What is signed: by a cleartext signature (RFC 9580 §7), in which dashes at the start of a line are escaped by another
 * and a blank, or by one behind the text.
 */
function clearText(message: string): string {
  if (!message.startsWith(BEGIN))
    return message.slice(0, message.includes(SIGNATURE) ? message.indexOf(SIGNATURE) : undefined);
  const start = message.indexOf("\n\n", message.indexOf(BEGIN)),
    end = message.indexOf(SIGNATURE, start);
  if (start < 0 || end < 0) throw new ReleaseError("not a signed Release file");
  return message.slice(start + 2, end).replace(/^- /gm, "");
}
