import { OpenFile } from "./open-file.ts";

/** A description without a position that does not say so: lseek(2) does nothing (fs/read_write.c, noop_llseek). */
export abstract class PositionlessFile extends OpenFile {
  override seek(): number {
    return 0;
  }

  override get hasPositions(): boolean {
    return false;
  }
}
