/**
 * A certificate authority as small as a hub needs: one self-signed certificate, which signs certificates of workers and
 * the list of those that were revoked.
 *
 * Source: RFC 5280 (certificates and lists), RFC 2986 (requests).
 */
import { createHash } from "node:crypto";
import {
  type Authority,
  createAuthority,
  createKeys,
  derFrom,
  derOf,
  exportKey,
  extension,
  HASH,
  issuerKeyExtension,
  loadPki,
  nameOf,
  newSerial,
  OID,
  pemOf,
  type Pki,
  readAuthority,
  serialInteger,
  signCertificate,
  timeOf,
} from "@stratos/host-node/certificates";
import type * as Pkijs from "pkijs";
import type * as HubLibrary from "./pki-library.ts";

export type { Authority };

interface IssuedCertificate {
  /** PEM. */
  readonly certificate: string;
  /** Hexadecimal. */
  readonly serial: string;
  /** SHA-256 of the DER form, hexadecimal. */
  readonly fingerprint: string;
}

/** What was sent is no request for a certificate that can be given. */
export class RequestError extends Error {
  override name = "RequestError";
}

const AUTHORITY_YEARS = 10;
const YEAR_MS = 365 * 86_400_000;
/** Clocks of hosts may be behind by so much. */
const SKEW_MS = 300_000;
const LIST_MS = 86_400_000;
/** RFC 5280 §4.2.1.6, the tag of a uniformResourceIdentifier. */
const URI = 6;

/** Loaded by who needs it: a hub without TLS never does. */
type HubPki = Pki & typeof HubLibrary;
async function load(): Promise<HubPki> {
  return { ...(await loadPki()), ...(await import("./pki-library.ts")) };
}

/** That of a hub that has none. */
export function createWorkerAuthority(nowMs: number): Promise<Authority> {
  const life = { fromMs: nowMs - SKEW_MS, untilMs: nowMs + AUTHORITY_YEARS * YEAR_MS };
  return createAuthority("Stratos hub: workers", life);
}

/** A request for a certificate, for a key that was just made. */
export async function createRequest(name: string): Promise<{ request: string; key: string }> {
  const pki = await load();
  const keys = await createKeys();
  const request = new pki.CertificationRequest({ version: 0, subject: nameOf(pki, name) });
  await request.subjectPublicKeyInfo.importKey(keys.publicKey);
  request.attributes = [];
  await request.sign(keys.privateKey, HASH);
  return { request: pemOf("CERTIFICATE REQUEST", derOf(request)), key: await exportKey(keys.privateKey) };
}

/**
 * Signs a certificate for the key of a request; of the request's names none is taken.
 *
 * @param host  stands in the certificate; the hub goes by its own row of the certificate
 * @throws RequestError for what is no request, or not signed by its own key
 */
export async function issueCertificate(
  authority: Authority,
  { request, host, nowMs, lifeMs }: { request: string; host: string; nowMs: number; lifeMs: number },
): Promise<IssuedCertificate> {
  const pki = await load();
  const publicKey = await provenKey(pki, request);
  const serial = newSerial();
  const der = await signCertificate(pki, await readAuthority(pki, authority), {
    ...{ commonName: host, serial, fromMs: nowMs - SKEW_MS, untilMs: nowMs + lifeMs, purpose: OID.clientAuth },
    names: [new pki.GeneralName({ type: URI, value: `urn:stratos:hub:host:${host}` })],
    publicKey,
  });
  return {
    certificate: pemOf("CERTIFICATE", der),
    serial: serial.toString("hex"),
    fingerprint: fingerprintOf(der),
  };
}

/** What was revoked and has not expired yet, for proxies that check certificates themselves. @returns PEM */
export async function revocationList(
  authority: Authority,
  revoked: readonly { readonly serial: string; readonly revoked: Date }[],
  nowMs: number,
): Promise<string> {
  const pki = await load();
  const { certificate, key } = await readAuthority(pki, authority);
  const list = new pki.CertificateRevocationList({
    version: 1,
    issuer: certificate.subject,
    thisUpdate: timeOf(pki, nowMs),
    nextUpdate: timeOf(pki, nowMs + LIST_MS),
    crlExtensions: new pki.Extensions({
      extensions: [
        extension(pki, OID.crlNumber, false, new pki.Integer({ value: Math.floor(nowMs / 1_000) })),
        issuerKeyExtension(pki, certificate),
      ],
    }),
  });
  // RFC 5280 §5.1.2.6: without entries the list of them is left out.
  if (revoked.length > 0)
    list.revokedCertificates = revoked.map(
      (one) =>
        new pki.RevokedCertificate({
          userCertificate: serialInteger(pki, Buffer.from(one.serial, "hex")),
          revocationDate: timeOf(pki, one.revoked.getTime()),
        }),
    );
  await list.sign(key, HASH);
  return pemOf("X509 CRL", derOf(list));
}

export function fingerprintOf(der: Uint8Array): string {
  return createHash("sha256").update(der).digest("hex");
}

/** The public key of a request that its private key has signed. */
async function provenKey(pki: HubPki, request: string): Promise<Pkijs.PublicKeyInfo> {
  const bad = (why: string): RequestError => new RequestError(`the request for a certificate ${why}`);
  const der = derFrom("CERTIFICATE REQUEST", request);
  if (der === null) throw bad("is not PEM (CERTIFICATE REQUEST)");
  let read: Pkijs.CertificationRequest;
  try {
    read = pki.CertificationRequest.fromBER(der);
  } catch (error) {
    throw bad(`cannot be read: ${(error as Error).message}`);
  }
  const { algorithm } = read.subjectPublicKeyInfo;
  const curve: unknown = algorithm.algorithmParams;
  const isP256 =
    algorithm.algorithmId === OID.ecPublicKey &&
    curve instanceof pki.ObjectIdentifier &&
    curve.valueBlock.toString() === OID.prime256v1;
  if (!isP256) throw bad("has a key that is not of P-256");
  const isProven = await read.verify().catch(() => false);
  if (!isProven) throw bad("is not signed by its own key");
  return read.subjectPublicKeyInfo;
}
