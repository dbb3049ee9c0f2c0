/**
 * What certificates, requests for them and lists of revoked ones are made of. Keys are of P-256, signatures ECDSA with
 * SHA-256.
 *
 * Source: RFC 5280 (certificates and lists), RFC 5480 (keys), RFC 7468 (PEM).
 */
import { createHash, randomBytes } from "node:crypto";
import type * as Asn1js from "asn1js";
import type * as Pkijs from "pkijs";
import type * as PkiLibrary from "./pki-library.ts";

export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** PKCS #8, PEM. */
  readonly key: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
export const HASH = "SHA-256";
const SERIAL_BYTES = 16;
export const OID = {
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  crlNumber: "2.5.29.20",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  ecPublicKey: "1.2.840.10045.2.1",
  prime256v1: "1.2.840.10045.3.1.7",
} as const;
/** RFC 5280 §4.2.1.3: bits 5 and 6 of a bit string, keyCertSign and cRLSign; bit 0, digitalSignature. */
const SIGNS_CERTIFICATES = { bits: 0x06, unused: 1 };
const SIGNS = { bits: 0x80, unused: 7 };

/** Loaded by who needs it: few programs make certificates. */
export type Pki = typeof PkiLibrary;
export const loadPki = (): Promise<Pki> => import("./pki-library.ts");

/** As WebCrypto's, whose types a page and Node have each their own of. */
type Key = Parameters<Pkijs.PublicKeyInfo["importKey"]>[0];

export async function createAuthority(name: string, life: { fromMs: number; untilMs: number }): Promise<Authority> {
  const pki = await loadPki();
  const keys = await createKeys();
  const subject = nameOf(pki, name);
  const certificate = blankCertificate(pki, { issuer: subject, subject, serial: newSerial(), ...life });
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey);
  certificate.extensions = [
    extension(pki, OID.basicConstraints, true, new pki.BasicConstraints({ cA: true, pathLenConstraint: 0 })),
    extension(pki, OID.keyUsage, true, usage(pki, SIGNS_CERTIFICATES)),
    extension(pki, OID.subjectKeyIdentifier, false, new pki.OctetString({ valueHex: keyIdentifier(certificate) })),
  ];
  await certificate.sign(keys.privateKey, HASH);
  return { certificate: pemOf("CERTIFICATE", derOf(certificate)), key: await exportKey(keys.privateKey) };
}

/**
 * A certificate for who proves to be one of the names, by TLS.
 *
 * @param purpose  of OID: what it is good for
 * @returns DER
 */
export async function signCertificate(
  pki: Pki,
  { certificate: own, key }: ReadAuthority,
  {
    purpose,
    names,
    publicKey,
    ...more
  }: {
    readonly commonName: string;
    readonly serial: Buffer;
    readonly fromMs: number;
    readonly untilMs: number;
    readonly purpose: string;
    readonly names: readonly Pkijs.GeneralName[];
    readonly publicKey: Pkijs.PublicKeyInfo;
  },
): Promise<Uint8Array> {
  // RFC 5280, appendix A: a common name has 64 characters at most. The whole name is in the alternative one.
  const subject = nameOf(pki, more.commonName.slice(0, 64));
  const certificate = blankCertificate(pki, { issuer: own.subject, subject, ...more });
  certificate.subjectPublicKeyInfo = publicKey;
  certificate.extensions = [
    extension(pki, OID.basicConstraints, true, new pki.BasicConstraints({ cA: false })),
    extension(pki, OID.keyUsage, true, usage(pki, SIGNS)),
    extension(pki, OID.extendedKeyUsage, false, new pki.ExtKeyUsage({ keyPurposes: [purpose] })),
    extension(pki, OID.subjectAltName, false, new pki.GeneralNames({ names: [...names] })),
    issuerKeyExtension(pki, own),
  ];
  await certificate.sign(key, HASH);
  return derOf(certificate);
}

export interface ReadAuthority {
  readonly certificate: Pkijs.Certificate;
  readonly key: Key;
}

export async function readAuthority(pki: Pki, { certificate, key }: Authority): Promise<ReadAuthority> {
  return {
    certificate: pki.Certificate.fromBER(derFrom("CERTIFICATE", certificate)!),
    key: await crypto.subtle.importKey("pkcs8", derFrom("PRIVATE KEY", key)!, ALGORITHM, false, ["sign"]),
  };
}

export function createKeys(): Promise<{ readonly publicKey: Key; readonly privateKey: Key }> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

export async function exportKey(key: Key): Promise<string> {
  return pemOf("PRIVATE KEY", new Uint8Array(await crypto.subtle.exportKey("pkcs8", key)));
}

/** RFC 5280 §4.1.2.2: positive, at most 20 octets; none leads with a zero, so that all have one length. */
export function newSerial(): Buffer {
  const serial = randomBytes(SERIAL_BYTES);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  return serial;
}

function blankCertificate(
  pki: Pki,
  parts: {
    readonly issuer: Pkijs.RelativeDistinguishedNames;
    readonly subject: Pkijs.RelativeDistinguishedNames;
    readonly serial: Buffer;
    readonly fromMs: number;
    readonly untilMs: number;
  },
): Pkijs.Certificate {
  const { issuer, subject, serial, fromMs, untilMs } = parts;
  // X.509 counts versions from 0.
  const certificate = new pki.Certificate({ version: 2, issuer, subject, serialNumber: serialInteger(pki, serial) });
  certificate.notBefore = timeOf(pki, fromMs);
  certificate.notAfter = timeOf(pki, untilMs);
  return certificate;
}

export function serialInteger(pki: Pki, serial: Buffer): Asn1js.Integer {
  return new pki.Integer({ valueHex: new Uint8Array(serial).buffer });
}

export function nameOf(pki: Pki, text: string): Pkijs.RelativeDistinguishedNames {
  const value = new pki.Utf8String({ value: text });
  return new pki.RelativeDistinguishedNames({
    typesAndValues: [new pki.AttributeTypeAndValue({ type: OID.commonName, value })],
  });
}

/** UTCTime, which RFC 5280 §4.1.2.5 asks for until 2049. */
export function timeOf(pki: Pki, ms: number): Pkijs.Time {
  return new pki.Time({ type: 0, value: new Date(ms) });
}

function usage(pki: Pki, { bits, unused }: typeof SIGNS): Asn1js.BitString {
  return new pki.BitString({ valueHex: new Uint8Array([bits]).buffer, unusedBits: unused });
}

function keyIdentifier(certificate: Pkijs.Certificate): ArrayBuffer {
  const bits = certificate.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView;
  return new Uint8Array(createHash("sha1").update(bits).digest()).buffer;
}

/** Of what this authority signs. */
export function issuerKeyExtension(pki: Pki, own: Pkijs.Certificate): Pkijs.Extension {
  const issuerKey = new pki.OctetString({ valueHex: keyIdentifier(own) });
  const identifier = new pki.AuthorityKeyIdentifier({ keyIdentifier: issuerKey });
  return extension(pki, OID.authorityKeyIdentifier, false, identifier);
}

interface Schema {
  toSchema(encodeFlag?: boolean): { toBER(): ArrayBuffer };
}

export function extension(
  pki: Pki,
  extnID: string,
  critical: boolean,
  value: Schema | Asn1js.BaseBlock,
): Pkijs.Extension {
  const extnValue = "toSchema" in value ? value.toSchema().toBER() : value.toBER();
  return new pki.Extension({ extnID, critical, extnValue });
}

export function derOf(signed: Schema): Uint8Array {
  return new Uint8Array(signed.toSchema(true).toBER());
}

/** RFC 7468. */
export function pemOf(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .match(/.{1,64}/g)!;
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

export function derFrom(label: string, pem: string): ArrayBuffer | null {
  const match = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`).exec(pem);
  return match === null ? null : new Uint8Array(Buffer.from(match[1]!, "base64")).buffer;
}
