/** What the hub uses of pkijs and asn1js beside what all certificates take: loaded when it is used. */
export { ObjectIdentifier } from "asn1js";
export { CertificateRevocationList, CertificationRequest, Extensions, RevokedCertificate } from "pkijs";
