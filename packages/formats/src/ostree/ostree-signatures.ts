/**
 * Signatures of commits and of the summary: a dictionary beside what is signed, which lists the signatures of each
 * kind. Source: libostree src/libostree/ostree-sign.c, ostree-repo.c (`ostree_repo_append_gpg_signature`);
 * ostree-sign-ed25519.c.
 */
import { arrayElements, dictionaryEntries, serializeVariant, type Variant } from "./gvariant.ts";

/** `gpg`: a detached OpenPGP signature, binary. `ed25519`: 64 bytes (RFC 8032). Both are of the object's bytes. */
export type SignatureKind = "gpg" | "ed25519";
export interface OstreeSignature {
  readonly kind: SignatureKind;
  readonly bytes: Uint8Array;
}

const KEYS: Readonly<Record<SignatureKind, string>> = { gpg: "ostree.gpgsigs", ed25519: "ostree.sign.ed25519" };

/**
 * The dictionary with further signatures; what it holds already stays, and none comes twice. @throws FormatError when
 * it is damaged
 */
export function addSignatures(before: Uint8Array | undefined, added: readonly OstreeSignature[]): Uint8Array {
  const entries = new Map<string, Variant>();
  const lists = new Map<string, Uint8Array[]>();
  for (const { key, type, serialized } of before === undefined ? [] : dictionaryEntries(before)) {
    entries.set(key, { type, serialized });
    if (type === "aay") lists.set(key, arrayElements(serialized, 1));
  }
  for (const { kind, bytes } of added) {
    const list = lists.get(KEYS[kind]) ?? [];
    if (!list.some((known) => isSame(known, bytes))) list.push(bytes);
    lists.set(KEYS[kind], list);
    entries.set(KEYS[kind], { type: "aay", value: list });
  }
  return serializeVariant(
    "a{sv}",
    [...entries].map(([key, value]): Variant => [key, value]),
  );
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
