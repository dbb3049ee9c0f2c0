import { once } from "node:events";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { stratosHome } from "@stratos/host-node";
import { UsageError } from "../command-error.ts";
import { writeOutput } from "../output-file.ts";
import { ImageStore, openVolumeReadOnly } from "@stratos/images";
import { archiveVolume } from "@stratos/images/content";
import type { ImageExportOptions } from "./image-options.ts";

export async function exportImage(name: string, options: ImageExportOptions): Promise<number> {
  const store = new ImageStore(stratosHome());
  const entry = store.require(name);
  if (options.output === undefined && process.stdout.isTTY)
    throw new UsageError("export", "standard output is a terminal; give --output FILE, or redirect");
  const opened = openVolumeReadOnly(store.layerPaths(entry));
  try {
    await writeOutput(options.output, (stream) => write(archiveVolume(opened.volume.root), stream));
  } finally {
    opened.close();
  }
  return 0;
}

async function write(pieces: Iterable<Uint8Array>, stream: Writable): Promise<void> {
  const done = finished(stream, { cleanup: true });
  // Whoever awaits it below gets the failure; until then it is no unhandled one.
  done.catch(() => {});
  for (const piece of pieces) {
    // The generator uses its buffer again, and the stream may keep what it is given.
    if (!stream.write(piece.slice())) await Promise.race([once(stream, "drain"), done]);
  }
  if (stream !== process.stdout) {
    stream.end();
    await done;
  } else await new Promise<void>((resolve, reject) => stream.write("", (error) => (error ? reject(error) : resolve())));
}
