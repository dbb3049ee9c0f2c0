/** What the hub uses of pkijs and asn1js: loaded when it is used, and no more than this is in the bundle. */
export { BitString, Integer, ObjectIdentifier, OctetString, Utf8String } from "asn1js";
export {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  CertificateRevocationList,
  CertificationRequest,
  Extension,
  Extensions,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
  RelativeDistinguishedNames,
  RevokedCertificate,
  Time,
} from "pkijs";
