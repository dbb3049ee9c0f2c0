/**
 * `InRelease`: the signed list of a suite's indices. Everything that is fetched hangs on it:
 *
 *     keyring ─ signature ─▶ InRelease ─ SHA-256 ─▶ Packages ─ SHA-256 ─▶ .deb
 *
 * Policy: at least one good signature by a trusted key that has not expired, since whoever got hold of an old key could
 * date a list back (who asks for the past takes a key that was valid when it signed); signatures by other keys are
 * ignored (Debian signs with the keys of two releases); the clear text is the only thing that is read; `Valid-Until` is
 * kept where the suite gives one; MD5 and SHA-1 lists are never used.
 *
 * Source: https://wiki.debian.org/DebianRepository/Format, "Release files"; RFC 9580 §7 (cleartext signatures).
 */
import { byteStringOf, byteStringToUtf8, closestName, slipsOfWord, utf8ToByteString } from "@stratos/base";
import type { PublicKey } from "openpgp";
import { parseSingleStanza, type Stanza } from "./control.ts";
import { expiryOf, TrustedKeys, type Keyring } from "./keyring.ts";
import { verifySignatures, type CheckedSignature } from "../verified-signatures.ts";

/** A repository that cannot be trusted, is out of date, or is not what was asked for. */
export class ReleaseError extends Error {
  override name = "ReleaseError";
}

/** A suite has no such component. */
export class ComponentError extends ReleaseError {
  readonly suiteUrl: string;
  readonly component: string;
  constructor(suiteUrl: string, component: string, known: readonly string[]) {
    const meant = closestName(component, known, slipsOfWord);
    super(
      `${suiteUrl} has no component ${component}; ` +
        (meant === undefined ? `there is ${known.join(", ")}` : `did you mean ${meant}?`),
    );
    this.suiteUrl = suiteUrl;
    this.component = component;
  }
}

/** A suite has the component, and no list of this kind in it, as a repository of binary packages alone. */
export class UnlistedError extends ReleaseError {}

interface ReleaseFile {
  sizeBytes: number;
  sha256: string;
}

export interface Release {
  origin: string;
  label: string;
  suite: string;
  codename: string;
  version: string;
  /** seconds since 1970 */
  dateSeconds: number;
  validUntilSeconds: number | undefined;
  acquireByHash: boolean;
  /** where the archive's past is to be had, with `@SNAPSHOTID@` for the time */
  snapshots: string | undefined;
  architectures: string[];
  components: string[];
  notAutomatic: boolean;
  butAutomaticUpgrades: boolean;
  /** index kinds in which each architecture's file holds the `all` packages too */
  noSupportForArchitectureAll: string[];
  /** path relative to the suite's folder → size and hash */
  files: ReadonlyMap<string, ReleaseFile>;
  /** fingerprints, in lower case, of the trusted keys that signed */
  signers: string[];
  /** from when on one of these does not count any more, in seconds since 1970, or Infinity */
  signersExpireSeconds: number;
}

const CLEARTEXT = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE = "-----BEGIN PGP SIGNATURE-----";
/** Clocks of hosts differ a little from the archive's. */
const CLOCK_SKEW_SECONDS = 15 * 60;

/**
 * Checks and reads an `InRelease` file, or a `Release` file with its detached, armored signature behind it.
 *
 * @param inRelease  the file as a byte string
 * @param isExpiredGood  whether one that was valid in the past will do, as for snapshots
 * @throws ReleaseError  no trusted signature, expired, or malformed
 */
export async function verifyInRelease(
  inRelease: string,
  keyrings: readonly Keyring[],
  nowSeconds: number,
  isExpiredGood = false,
): Promise<Release> {
  const openpgp = await import("openpgp");
  const trusted = await TrustedKeys.read(keyrings);
  let signers: string[];
  let signersExpireSeconds = Infinity;
  let text: string;
  try {
    const date = new Date(nowSeconds * 1000);
    const behind = inRelease.startsWith(CLEARTEXT) ? -1 : inRelease.indexOf(`\n${SIGNATURE}`);
    let checked: CheckedSignature<PublicKey>[];
    if (behind < 0) {
      const message = await openpgp.readCleartextMessage({ cleartextMessage: byteStringToUtf8(inRelease) });
      checked = await verifySignatures(trusted.certificates, message.getSigningKeyIDs(), (certificate) =>
        openpgp.verify({ message, verificationKeys: certificate, date }),
      );
      text = message.getText();
    } else {
      const content = inRelease.slice(0, behind);
      const signature = await openpgp.readSignature({ armoredSignature: inRelease.slice(behind + 1) }),
        message = await openpgp.createMessage({ binary: byteStringOf(content) });
      checked = await verifySignatures(trusted.certificates, signature.getSigningKeyIDs(), (certificate) =>
        openpgp.verify({ message, signature, verificationKeys: certificate, date }),
      );
      text = byteStringToUtf8(content);
    }
    signers = [];
    const failures: string[] = [];
    for (const { keyId, signer, failure } of checked) {
      if (signer === undefined) {
        failures.push(`${keyId.toHex()}: ${failure === "" ? "no keyring has such a key" : failure}`);
        continue;
      }
      const expiry = await expiryOf(signer.certificate, signer.keyFingerprint, nowSeconds);
      const refusal =
        trusted.refusal(signer.certificate, signer.keyFingerprint) ??
        (expiry <= nowSeconds && !isExpiredGood
          ? `${keyId.toHex()}: the key has expired${expiry === 0 ? "" : ` on ${dayOf(expiry)}`}`
          : undefined);
      if (refusal === undefined) {
        signers.push(signer.certificate.getFingerprint());
        signersExpireSeconds = Math.min(signersExpireSeconds, expiry);
      } else failures.push(refusal);
    }
    if (signers.length === 0 && trusted.unreadable !== undefined)
      throw new ReleaseError("no good signature by a trusted key, and a keyring cannot be read", {
        cause: trusted.unreadable,
      });
    if (signers.length === 0)
      throw new ReleaseError(`no good signature by a trusted key (${failures.join("; ") || "not signed"})`);
  } catch (cause) {
    if (cause instanceof ReleaseError) throw cause;
    throw new ReleaseError(`not a signed Release file: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  const release = { ...parseRelease(utf8ToByteString(text)), signers, signersExpireSeconds };
  refuseUntimely(release, nowSeconds, isExpiredGood);
  return release;
}

/** @throws ReleaseError  it is from the future, or no longer valid */
export function refuseUntimely(release: Release, nowSeconds: number, isExpiredGood = false): void {
  if (release.dateSeconds > nowSeconds + CLOCK_SKEW_SECONDS)
    throw new ReleaseError("the Release file is from the future; is this computer's clock right?");
  if (!isExpiredGood && release.validUntilSeconds !== undefined && release.validUntilSeconds < nowSeconds) {
    throw new ReleaseError(
      `the Release file was valid until ${dayOf(release.validUntilSeconds)} only: the mirror is out of date`,
    );
  }
}

function dayOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

/** Reads the fields of a Release file whose signature has been checked (or which needs none). */
export function parseRelease(text: string): Release {
  let stanza: Stanza;
  try {
    stanza = parseSingleStanza(text, "Release");
  } catch (cause) {
    throw new ReleaseError("malformed Release file", { cause });
  }
  const words = (field: string): string[] => (stanza.get(field) ?? "").split(/\s+/).filter((word) => word !== "");
  const date = stanza.get("Date");
  const dateSeconds = date === undefined ? NaN : parseDate(date);
  if (Number.isNaN(dateSeconds)) throw new ReleaseError("the Release file has no proper Date");
  const validUntil = stanza.get("Valid-Until");
  const validUntilSeconds = validUntil === undefined ? undefined : parseDate(validUntil);
  if (Number.isNaN(validUntilSeconds)) throw new ReleaseError("the Release file has no proper Valid-Until");
  const files = new Map<string, ReleaseFile>();
  for (const line of (stanza.get("SHA256") ?? "").split("\n")) {
    if (line.trim() === "") continue;
    const match = /^\s*([0-9a-f]{64})\s+([0-9]{1,15})\s+(\S+)$/.exec(line);
    if (match === null) throw new ReleaseError(`malformed SHA256 line: ${line.slice(0, 100)}`);
    files.set(match[3]!, { sha256: match[1]!, sizeBytes: Number(match[2]) });
  }
  if (files.size === 0) throw new ReleaseError("the Release file lists no SHA256 hashes");
  return {
    origin: stanza.get("Origin") ?? "",
    label: stanza.get("Label") ?? "",
    suite: stanza.get("Suite") ?? "",
    codename: stanza.get("Codename") ?? "",
    version: stanza.get("Version") ?? "",
    dateSeconds,
    validUntilSeconds,
    acquireByHash: stanza.get("Acquire-By-Hash") === "yes",
    snapshots: /^https?:\/\/\S+$/.test(stanza.get("Snapshots") ?? "") ? stanza.get("Snapshots") : undefined,
    architectures: words("Architectures"),
    components: words("Components"),
    notAutomatic: stanza.get("NotAutomatic") === "yes",
    butAutomaticUpgrades: stanza.get("ButAutomaticUpgrades") === "yes",
    noSupportForArchitectureAll: words("No-Support-for-Architecture-all"),
    files,
    signers: [],
    signersExpireSeconds: Infinity,
  };
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Sat, 12 Sep 2026 07:55:41 UTC` as seconds since 1970; NaN when it is no such date. */
function parseDate(text: string): number {
  const match =
    // wide: one pattern
    /^(?:[A-Z][a-z]{2}, )?([0-9]{1,2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) (?:UTC|GMT|Z|\+0000)$/.exec(
      text,
    );
  if (match === null) return NaN;
  const month = MONTHS.indexOf(match[2]!);
  return month < 0
    ? NaN
    : Date.UTC(Number(match[3]), month, Number(match[1]), Number(match[4]), Number(match[5]), Number(match[6])) / 1000;
}
