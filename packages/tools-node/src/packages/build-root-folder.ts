/** Builds a root as a plain folder of the host: what `image build` does, without Stratos' file system and machine. */
import {
  buildRoot,
  planImage,
  type ImagePlan,
  type ImageRequest,
  type OnProgress,
  type RootSummary,
} from "@stratos/pkg";
import { findMirror } from "./apt-sources.ts";
import { FolderWriter } from "./folder-writer.ts";
import { nodePackagePorts } from "./node-package-ports.ts";

export interface RootFolderRequest extends Omit<ImageRequest, "mirror" | "keyrings"> {
  /** an empty folder */
  folder: string;
  /** where downloads are kept */
  downloads: string;
  /** else the one of the host's apt */
  mirror?: string | undefined;
  onProgress?: OnProgress;
}

/** @throws MirrorError, and what `planImage` and `buildRoot` throw */
export async function buildRootFolder(request: RootFolderRequest): Promise<{ plan: ImagePlan; summary: RootSummary }> {
  const { folder, downloads, mirror: given, onProgress = () => {}, ...image } = request;
  const mirror = findMirror({ given });
  const ports = nodePackagePorts(downloads);
  try {
    const prepared = await planImage(ports, { ...image, mirror: mirror.uri, keyrings: mirror.keyrings }, onProgress);
    const summary = await buildRoot(ports, prepared, new FolderWriter(folder), onProgress);
    return { plan: prepared.plan, summary };
  } finally {
    await ports.close();
  }
}
