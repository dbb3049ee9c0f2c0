/** Certificates, as far as a host makes some: loaded by who does. */
export { ServerCertificates } from "./server-certificates.ts";
export {
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
} from "./x509.ts";
