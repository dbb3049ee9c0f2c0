import { EIO, ENOSPC, EOPNOTSUPP, EUCLEAN } from "@stratos/abi";

/** Why a volume cannot be mounted or formatted. */
export type MountError =
  | "no-superblock" // no valid superblock: not AegisFS, or both generations are damaged
  | "unsupported" // an incompatible feature or version that this reader does not know
  | "base-mismatch" // the base of an overlay is not the one that it was made on
  | "device-too-small"
  | "devices-missing" // the volume has more devices; see `degraded`
  | "foreign-device" // one of the devices is not of this volume
  | "diverged" // a device was written while others went on without it
  | "device-error"
  | "corrupt"; // the superblock is whole, but a tree that it names is not

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
