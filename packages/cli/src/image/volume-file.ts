/** Reads files of a volume by path, without a kernel: for what the host wants to know of an image. */
import { Attributes, ROOT_INO, type Subvolume } from "@stratos/aegisfs";

const FILE_BYTES_MAX = 64 << 20;

/** Content of a file, or null when it is not there or is too large to be what we look for. No links are followed. */
export function readVolumeFile(files: Subvolume, path: string): Uint8Array | null {
  let ino = ROOT_INO;
  for (const name of path.split("/")) {
    ino = files.lookup(ino, name);
    if (ino < 0) return null;
  }
  const attributes = new Attributes();
  if (files.stat(ino, attributes) < 0 || attributes.size > FILE_BYTES_MAX) return null;
  const bytes = new Uint8Array(attributes.size);
  for (let done = 0; done < bytes.length; ) {
    const count = files.read(ino, done, bytes, done, bytes.length - done);
    if (count <= 0) return null;
    done += count;
  }
  return bytes;
}
