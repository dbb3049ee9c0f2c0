import { EROFS } from "@stratos/abi";
import type { BlockDevice } from "@stratos/host";

/** What a block device answers that a web server holds. */
export abstract class ReadOnlyDevice implements BlockDevice {
  abstract readonly size: number;
  readonly readOnly = true;

  abstract read(offset: number, bytes: Uint8Array, at: number, length: number): number;
  abstract close(): void;

  write(): number {
    return -EROFS;
  }

  flush(): number {
    return 0;
  }

  resize(): number {
    return -EROFS;
  }

  discard(): void {}
}
