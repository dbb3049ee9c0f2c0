/** What is used of pkijs and asn1js: loaded when it is used, and no more than this is in the bundle. */
export { BitString, Integer, OctetString, Utf8String } from "asn1js";
export {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
  PublicKeyInfo,
  RelativeDistinguishedNames,
  Time,
} from "pkijs";
