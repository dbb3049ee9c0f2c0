import { createReadStream } from "node:fs";
import { ProgressDisplay, stratosHome } from "@stratos/host-node";
import { GUEST_ARCHITECTURE } from "../defaults.ts";
import { ImageStore } from "../image/image-store.ts";
import { createVolume } from "../image/image-volume.ts";
import { readInstalledPackages } from "../image/installed-packages.ts";
import { unpackedArchive } from "../image/unpacked-archive.ts";
import { ArchiveExtractor } from "../image/volume-archive.ts";
import { VolumeWriter } from "../image/volume-writer.ts";

export async function importImage(name: string, file: string): Promise<number> {
  const home = stratosHome();
  const draft = new ImageStore(home).createDraft();
  const progress = new ProgressDisplay(process.stderr);
  try {
    const opened = createVolume(draft.layerPath(0), name);
    let packages;
    try {
      const extractor = new ArchiveExtractor(new VolumeWriter(opened.volume.root));
      let bytes = 0;
      for await (const piece of unpackedArchive(file === "-" ? process.stdin : createReadStream(file, { highWaterMark: 1 << 20 }), home)) {
        extractor.push(piece);
        bytes += piece.length;
        progress.update("Importing", bytes, 0, "bytes");
      }
      extractor.finish();
      packages = readInstalledPackages(opened.volume.root);
    } finally {
      opened.close();
    }
    draft.publish(name, { format: 1, architecture: GUEST_ARCHITECTURE, suite: null, createdAt: new Date().toISOString(), packages, layers: 1, origin: "import" });
  } finally {
    progress.clear();
    draft.discard();
  }
  return 0;
}
