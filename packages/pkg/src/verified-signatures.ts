/**
 * Who made the signatures of a message. A signature names its key by 64 bits alone, which two keys can share, by
 * intention too: so each certificate with such a key is tried by itself, and that whose key verifies is the signer.
 * Source: RFC 9580 §5.5.4.3 ("Implementations MUST NOT rely on a key ID being unique"), §5.2.3.12.
 */
import type { Key, KeyID, VerifyMessageResult } from "openpgp";

export interface CheckedSignature<K extends Key> {
  readonly keyId: KeyID;
  /** of the key that verifies; undefined: none does */
  readonly signer: { readonly certificate: K; readonly keyFingerprint: string } | undefined;
  /** why none does; empty: no certificate has such a key */
  readonly failure: string;
}

/**
 * @param keyIds  those that the signatures name
 * @param verify  verifies the message by one certificate
 * @returns one for each signature, in their order
 */
export async function verifySignatures<K extends Key>(
  certificates: readonly K[],
  keyIds: readonly KeyID[],
  verify: (certificate: K) => Promise<Pick<VerifyMessageResult, "signatures">>,
): Promise<CheckedSignature<K>[]> {
  const checked: CheckedSignature<K>[] = keyIds.map((keyId) => ({ keyId, signer: undefined, failure: "" }));
  for (const certificate of certificates.filter((one) => keyIds.some((keyId) => one.getKeys(keyId).length > 0))) {
    const { signatures } = await verify(certificate);
    for (const [index, { keyID, verified }] of signatures.entries()) {
      // What is not awaited would be an unhandled rejection.
      const failure = await verified.then(
        () => undefined,
        (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)),
      );
      const [used] = certificate.getKeys(keyID),
        known = checked[index];
      if (used === undefined || known === undefined || known.signer !== undefined) continue;
      checked[index] =
        failure === undefined
          ? { keyId: keyID, signer: { certificate, keyFingerprint: used.getFingerprint() }, failure: "" }
          : { keyId: keyID, signer: undefined, failure };
    }
  }
  return checked;
}
