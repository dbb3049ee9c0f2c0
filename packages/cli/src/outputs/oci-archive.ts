/** Archives of OCI layouts, as podman and skopeo call them: a plain tar archive of the layout's own files. */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { archiveEntries, FormatError, type FileEntry } from "@stratos/formats";
import { FileDisk, nodeCodecs } from "@stratos/host-node/outputs";

const COPY_BYTES = 1 << 20;

/** True when a plain archive holds a layout. */
export function isOciArchive(path: string): boolean {
  const disk = new FileDisk(path, { readOnly: true });
  try {
    return entriesOf(disk).some((entry) => entry.path === "oci-layout" && entry.kind === "file");
  } catch (error) {
    // What is packed, or damaged, is told by who reads it.
    if (error instanceof FormatError) return false;
    throw error;
  } finally {
    disk.close();
  }
}

/** Puts the layout's files into a folder. @throws FormatError */
export function unpackOciArchive(path: string, folder: string): void {
  const disk = new FileDisk(path, { readOnly: true }), buffer = new Uint8Array(COPY_BYTES);
  try {
    mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
    for (const { path: name, kind, content } of entriesOf(disk)) {
      // Nothing else is of a layout, and no name leads out of the folder.
      if (kind !== "file" || content === null || !/^(index\.json|oci-layout|blobs\/sha256\/[0-9a-f]{64})$/.test(name)) continue;
      const fd = openSync(join(folder, name), "w");
      try {
        for (let offset = 0; offset < content.sizeBytes; ) {
          const count = content.read(offset, buffer);
          if (count <= 0) throw new FormatError(`${name}: its content is shorter than its size says`);
          for (let done = 0; done < count; ) done += writeSync(fd, buffer, done, count - done);
          offset += count;
        }
      } finally {
        closeSync(fd);
      }
    }
  } finally {
    disk.close();
  }
}

function entriesOf(disk: FileDisk): readonly FileEntry[] {
  return archiveEntries(disk, nodeCodecs());
}
