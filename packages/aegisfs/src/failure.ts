import { EIO, ENOSPC, EOPNOTSUPP, EUCLEAN } from "@stratos/abi";

/** Why a volume cannot be mounted or formatted, in words for people. */
export const MOUNT_ERROR_WORDS = {
  "no-superblock": "this is no AegisFS volume, or its superblocks are damaged",
  encrypted: "it is encrypted: a passphrase is needed",
  unsupported: "the volume has a feature that this version does not know",
  "base-mismatch": "this is a clone's layer, or of another base than the one given",
  "needs-recovery": "the base has changes in its log since its last commit: mount it once, then make the clone",
  "device-too-small": "it is smaller than the volume says, or than a volume needs (4 MiB)",
  "devices-missing": "the volume has more devices, or needs more for its copies",
  "superblocks-missing":
    "a device has no superblock that can be read: it is another file, or badly damaged; the others do without it, if " +
    "they have a copy of everything: see `degraded` in `stratos fs mount --help`, then `stratos fs device replace`",
  "foreign-device": "one of the devices is not of this volume",
  diverged:
    "a device was written while the others went on without it: erase the one that is to be given up (`stratos fs " +
    "format --force` makes another volume of it), then `stratos fs device replace` puts it in its own place",
  "device-error": "the device cannot be read or written",
  corrupt: "the volume is damaged; `stratos fs check` says where",
} as const;

export type MountError = keyof typeof MOUNT_ERROR_WORDS;

/**
 * What stops an operation from inside the engine: thrown by the lowest parts, caught once at the border of each
 * public operation, and returned from there as a negated errno. It never leaves the package.
 *
 * - `io`: the device reported an error (EIO)
 * - `corrupt-node`: a tree node fails its checksum or its structure (EUCLEAN, as Linux file systems say)
 * - `corrupt-data`: a data block fails its checksum (EIO, as in btrfs)
 * - `no-codec`: the content is compressed in a way that this host cannot undo (EOPNOTSUPP)
 * - `no-space`: allocation failed although the reserve promised otherwise (ENOSPC)
 */
export class Failure {
  readonly kind: "io" | "corrupt-node" | "corrupt-data" | "no-codec" | "no-space";
  /** Global block number where it was found, −1 when it has no place. */
  readonly block: number;

  constructor(kind: Failure["kind"], block: number) {
    this.kind = kind;
    this.block = block;
  }

  get errno(): number {
    if (this.kind === "no-space") return ENOSPC;
    if (this.kind === "corrupt-node") return EUCLEAN;
    return this.kind === "no-codec" ? EOPNOTSUPP : EIO;
  }
}

/** Why a volume takes no changes any more, in words for people. */
export const FAILURE_WORDS = {
  io: "its device could not be written or read",
  "corrupt-node": "its structure is damaged",
  "corrupt-data": "its content is damaged",
  "no-codec": "it holds what cannot be unpacked here",
  "no-space": "there was no space for what it had promised",
} as const satisfies Record<Failure["kind"], string>;
