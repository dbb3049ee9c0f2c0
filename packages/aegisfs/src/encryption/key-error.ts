/** Why a key operation failed. */
export type KeyError =
  | "not-encrypted"
  | "unsupported" // a newer version's header
  | "wrong-passphrase" // it opens no slot
  | "device-error"
  | "device-too-small"
  | "damaged" // the passphrase is right, but the keys that it guards are not authentic
  | "no-slot" // the named one is not in use
  | "no-free-slot"
  | "last-slot" // without it nobody could open the volume
  | "too-many-keys"; // rotations without sealing anew

export const KEY_ERROR_WORDS: Readonly<Record<KeyError, string>> = {
  "not-encrypted": "it is not encrypted",
  unsupported: "it was encrypted by a newer version",
  "wrong-passphrase": "the passphrase is wrong: it opens none of the key slots",
  "device-error": "the device cannot be read or written",
  "device-too-small": "it is too small",
  damaged: "the key header is damaged",
  "no-slot": "no passphrase has this key slot: `stratos fs key list` shows those that are in use",
  "no-free-slot": "all eight key slots are in use: `stratos fs key remove` frees one",
  "last-slot": "this is the only passphrase: without it nobody could open the volume",
  "too-many-keys": "the volume has eight data keys, as many as it can have: seal its content anew first",
};
