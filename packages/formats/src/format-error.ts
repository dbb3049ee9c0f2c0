/**
 * A disk, archive or repository is not what it should be, or cannot hold what it was given.
 *
 * The formats of whole disks have hundreds of places where bytes may lie; they throw this one error rather than carry a
 * value through each level (docs/decisions, "Formats of disks throw"). The message says what is wrong, in words for a
 * person.
 */
export class FormatError extends Error {
  override name = "FormatError";
}

/** There is no room for it: nothing is damaged. */
export class FullError extends FormatError {}
