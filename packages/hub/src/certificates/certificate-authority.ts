/**
 * A certificate authority as small as a hub needs: one self-signed certificate, which signs certificates of workers and
 * the list of those that were revoked. Keys are of P-256, signatures ECDSA with SHA-256.
 *
 * Source: RFC 5280 (certificates and lists), RFC 2986 (requests), RFC 5480 (keys).
 */
import { createHash, randomBytes, type webcrypto } from "node:crypto";
import type * as Asn1js from "asn1js";
import type * as Pkijs from "pkijs";
import type * as PkiLibrary from "./pki-library.ts";

export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** PKCS #8, PEM. */
  readonly key: string;
}

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

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const HASH = "SHA-256";
const AUTHORITY_YEARS = 10;
const YEAR_MS = 365 * 86_400_000;
/** Clocks of hosts may be behind by so much. */
const SKEW_MS = 300_000;
const LIST_MS = 86_400_000;
const SERIAL_BYTES = 16;
const OID = {
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  crlNumber: "2.5.29.20",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  ecPublicKey: "1.2.840.10045.2.1",
  prime256v1: "1.2.840.10045.3.1.7",
} as const;
/** RFC 5280 §4.2.1.3: bits 5 and 6 of a bit string, keyCertSign and cRLSign; bit 0, digitalSignature. */
const SIGNS_CERTIFICATES = { bits: 0x06, unused: 1 };
const SIGNS = { bits: 0x80, unused: 7 };
const URI = 6;

/** Loaded by who needs it: a hub without TLS never does. */
type Library = typeof PkiLibrary;
const load = (): Promise<Library> => import("./pki-library.ts");

export async function createAuthority(nowMs: number): Promise<Authority> {
  const pki = await load();
  const keys = await createKeys();
  const name = nameOf(pki, "Stratos hub: workers");
  const certificate = blank(pki, { issuer: name, subject: name, serial: newSerial() });
  setValidity(pki, certificate, nowMs - SKEW_MS, nowMs + AUTHORITY_YEARS * YEAR_MS);
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey);
  certificate.extensions = [
    extension(pki, OID.basicConstraints, true, new pki.BasicConstraints({ cA: true, pathLenConstraint: 0 })),
    extension(pki, OID.keyUsage, true, usage(pki, SIGNS_CERTIFICATES)),
    extension(pki, OID.subjectKeyIdentifier, false, new pki.OctetString({ valueHex: keyIdentifier(certificate) })),
  ];
  await certificate.sign(keys.privateKey, HASH);
  return { certificate: pemOf("CERTIFICATE", derOf(certificate)), key: await exportKey(keys.privateKey) };
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
  const { certificate: own, key } = await readAuthority(pki, authority);
  const serial = newSerial();
  // RFC 5280, appendix A: a common name has 64 characters at most. The whole name is in the alternative one.
  const certificate = blank(pki, { issuer: own.subject, subject: nameOf(pki, host.slice(0, 64)), serial });
  certificate.subjectPublicKeyInfo = publicKey;
  setValidity(pki, certificate, nowMs - SKEW_MS, nowMs + lifeMs);
  const names = new pki.GeneralNames({
    names: [new pki.GeneralName({ type: URI, value: `urn:stratos:hub:host:${host}` })],
  });
  const issuerKey = new pki.OctetString({ valueHex: keyIdentifier(own) });
  certificate.extensions = [
    extension(pki, OID.basicConstraints, true, new pki.BasicConstraints({ cA: false })),
    extension(pki, OID.keyUsage, true, usage(pki, SIGNS)),
    extension(pki, OID.extendedKeyUsage, false, new pki.ExtKeyUsage({ keyPurposes: [OID.clientAuth] })),
    extension(pki, OID.subjectAltName, false, names),
    extension(pki, OID.authorityKeyIdentifier, false, new pki.AuthorityKeyIdentifier({ keyIdentifier: issuerKey })),
  ];
  await certificate.sign(key, HASH);
  const der = derOf(certificate);
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
        extension(
          pki,
          OID.authorityKeyIdentifier,
          false,
          new pki.AuthorityKeyIdentifier({
            keyIdentifier: new pki.OctetString({ valueHex: keyIdentifier(certificate) }),
          }),
        ),
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
async function provenKey(pki: Library, request: string): Promise<Pkijs.PublicKeyInfo> {
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

async function readAuthority(
  pki: Library,
  { certificate, key }: Authority,
): Promise<{ certificate: Pkijs.Certificate; key: webcrypto.CryptoKey }> {
  return {
    certificate: pki.Certificate.fromBER(derFrom("CERTIFICATE", certificate)!),
    key: await crypto.subtle.importKey("pkcs8", derFrom("PRIVATE KEY", key)!, ALGORITHM, false, ["sign"]),
  };
}

function createKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return pemOf("PRIVATE KEY", new Uint8Array(await crypto.subtle.exportKey("pkcs8", key)));
}

/** RFC 5280 §4.1.2.2: positive, at most 20 octets; none leads with a zero, so that all have one length. */
function newSerial(): Buffer {
  const serial = randomBytes(SERIAL_BYTES);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  return serial;
}

function blank(
  pki: Library,
  {
    issuer,
    subject,
    serial,
  }: { issuer: Pkijs.RelativeDistinguishedNames; subject: Pkijs.RelativeDistinguishedNames; serial: Buffer },
): Pkijs.Certificate {
  // X.509 counts versions from 0.
  return new pki.Certificate({ version: 2, issuer, subject, serialNumber: serialInteger(pki, serial) });
}

function serialInteger(pki: Library, serial: Buffer): Asn1js.Integer {
  return new pki.Integer({ valueHex: new Uint8Array(serial).buffer });
}

function nameOf(pki: Library, text: string): Pkijs.RelativeDistinguishedNames {
  const value = new pki.Utf8String({ value: text });
  return new pki.RelativeDistinguishedNames({
    typesAndValues: [new pki.AttributeTypeAndValue({ type: OID.commonName, value })],
  });
}

/** UTCTime, which RFC 5280 §4.1.2.5 asks for until 2049. */
function timeOf(pki: Library, ms: number): Pkijs.Time {
  return new pki.Time({ type: 0, value: new Date(ms) });
}

function setValidity(pki: Library, certificate: Pkijs.Certificate, fromMs: number, untilMs: number): void {
  certificate.notBefore = timeOf(pki, fromMs);
  certificate.notAfter = timeOf(pki, untilMs);
}

function usage(pki: Library, { bits, unused }: typeof SIGNS): Asn1js.BitString {
  return new pki.BitString({ valueHex: new Uint8Array([bits]).buffer, unusedBits: unused });
}

function keyIdentifier(certificate: Pkijs.Certificate): ArrayBuffer {
  const bits = certificate.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView;
  return new Uint8Array(createHash("sha1").update(bits).digest()).buffer;
}

interface Schema {
  toSchema(encodeFlag?: boolean): { toBER(): ArrayBuffer };
}

function extension(pki: Library, extnID: string, critical: boolean, value: Schema | Asn1js.BaseBlock): Pkijs.Extension {
  const extnValue = "toSchema" in value ? value.toSchema().toBER() : value.toBER();
  return new pki.Extension({ extnID, critical, extnValue });
}

function derOf(signed: Schema): Uint8Array {
  return new Uint8Array(signed.toSchema(true).toBER());
}

/** RFC 7468. */
function pemOf(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .match(/.{1,64}/g)!;
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

function derFrom(label: string, pem: string): ArrayBuffer | null {
  const match = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`).exec(pem);
  return match === null ? null : new Uint8Array(Buffer.from(match[1]!, "base64")).buffer;
}
