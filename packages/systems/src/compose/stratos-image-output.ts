/** A composed tree as an image that `stratos run` uses. */
import { createHash } from "node:crypto";
import { stratosHome } from "@stratos/host-node";
import { OutputError, type OutputWriter } from "@stratos/compose";
import { archiveTree, rfc3339 } from "@stratos/formats";
import { writeTreeEntry } from "@stratos/pkg";
import { createVolume, ImageStore, readInstalledPackages } from "@stratos/images";
import { VolumeWriter } from "@stratos/images/content";

export function stratosImageOutput(): OutputWriter {
  return {
    format: "stratos",
    filename: ({ image }) => image ?? "${name}-${variant}",
    async write({ tree, target, epochSeconds, signal }, path) {
      if (target.architecture !== "riscv64")
        throw new OutputError(
          `a Stratos image is of riscv64, not of ${target.architecture}; give the output a condition: when: ` +
            'architecture == "riscv64"',
        );
      const draft = new ImageStore(stratosHome()).createDraft();
      try {
        const opened = createVolume(draft.layerPath(0), path);
        let packages;
        try {
          const writer = new VolumeWriter(opened.volume.root);
          for (const entry of tree.entries()) {
            signal.throwIfAborted();
            writeTreeEntry(writer, entry);
          }
          writer.finish();
          packages = readInstalledPackages(opened.volume.root);
        } finally {
          opened.close();
        }
        draft.publish(path, {
          format: 1,
          architecture: target.architecture,
          suite: target.config.suite ?? null,
          createdAt: rfc3339(epochSeconds),
          packages,
          layers: 1,
          origin: "compose",
        });
      } finally {
        draft.discard();
      }
      const hash = createHash("sha256");
      let sizeBytes = 0;
      for (const piece of archiveTree(tree)) {
        hash.update(piece);
        sizeBytes += piece.length;
      }
      return [
        { path, sizeBytes, sha256: hash.digest("hex"), mediaType: "application/vnd.stratos.image", isFile: false },
      ];
    },
    has: async ({ path }) => new ImageStore(stratosHome()).find(path)?.description.origin === "compose",
  };
}
