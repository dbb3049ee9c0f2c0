/** What LOOP_SET_STATUS64 sets and LOOP_GET_STATUS64 shows. */
export interface LoopStatus {
  /** Bytes of the file before the device's first; 0 as limit: to the file's end. */
  offset: number;
  sizeLimit: number;
  /** LO_FLAGS_*. */
  flags: number;
  /** What losetup(8) calls the file. */
  name: Uint8Array;
  /** None is known but 0. */
  encryption: number;
}

export function noStatus(): LoopStatus {
  return { offset: 0, sizeLimit: 0, flags: 0, name: new Uint8Array(0), encryption: 0 };
}
