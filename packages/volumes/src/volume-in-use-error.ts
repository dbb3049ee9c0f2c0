import { OperationError } from "@stratos/operation";

/** A volume belongs to another process: that which has it mounted, perhaps. */
export class VolumeInUseError extends OperationError {
  /** File or device that is locked. */
  readonly path: string;
  /** Where it is mounted; null: nowhere that this process sees. */
  readonly mountPoint: string | null;

  /**
   * @param words  who has it, when more is known than its number
   */
  constructor(
    what: string,
    {
      path,
      owner,
      mountPoint,
      cause,
      words = `in use by process ${owner}`,
    }: { path: string; owner: number; mountPoint: string | null; cause: unknown; words?: string },
  ) {
    super(
      "in-use",
      what,
      `${words}` +
        (mountPoint === null
          ? /mount namespace/.test(words)
            ? ""
            : ": it is mounted, or another command changes it"
          : `: it is mounted on ${mountPoint}, where its files are changed and read; \`stratos fs umount\` ends that`),
      cause === null ? {} : { cause },
    );
    this.path = path;
    this.mountPoint = mountPoint;
  }
}
