/** The Debian system in an image: what it has, and what its sources offer. */
import { readConfig, stratosHome } from "@stratos/host-node";
import { findMirror, FolderFiles, type NodePackagePorts } from "@stratos/tools-node/packages";
import {
  loadSystemIndex,
  readSystem,
  type DebianSystem,
  type Keyring,
  type PackageIndex,
  type Progress,
  type SystemFiles,
} from "@stratos/pkg";
import { OperationError } from "@stratos/operation";
import { DEFAULT_SUITE, GUEST_ARCHITECTURE } from "@stratos/images/defaults";
import { defaultImage, type ImageEntry, ImageStore, openVolumeReadOnly } from "@stratos/images";
import { VolumeFiles } from "./volume-files.ts";

export interface SourceOptions {
  readonly image?: string;
  /** a system in a folder instead, to look at */
  readonly root?: string;
  readonly mirror?: string;
  readonly target?: string;
  /** sources as they were then */
  readonly snapshot?: string;
}

/** A system to ask about. */
export interface OpenSystem {
  /** for messages */
  readonly name: string;
  readonly files: SystemFiles;
  readonly system: DebianSystem;
  /** dpkg's record when the system was opened, as a byte string; an image cannot change, and has none */
  readonly statusRead?: string;
}

export interface ImageSystem extends OpenSystem {
  readonly entry: ImageEntry;
  close(): void;
}

/** @throws OperationError  no such image, or no Debian system in it */
export function openImageSystem(options: SourceOptions, ports: NodePackagePorts): ImageSystem {
  const home = stratosHome();
  const name = options.image ?? defaultImage(home);
  const store = new ImageStore(home);
  const entry = store.require(name);
  const opened = openVolumeReadOnly(store.layerPaths(entry));
  try {
    const files = new VolumeFiles(opened.volume.root);
    if (files.read("var/lib/dpkg/status") === undefined)
      throw new OperationError("packages", name, "holds no Debian system (/var/lib/dpkg/status is missing)");
    const system = readSystem(files, entry.description.architecture, ports.latin1);
    if (system.sources.length === 0)
      system.sources.push({
        uri: hostMirror(options).uri,
        suite: entry.description.suite ?? DEFAULT_SUITE,
        components: ["main"],
        signedBy: undefined,
      });
    return { name, entry, files, system, close: () => opened.close() };
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** @throws OperationError  no Debian system in that folder */
export function openRootSystem(root: string, options: SourceOptions, ports: NodePackagePorts): OpenSystem {
  const files = new FolderFiles(root);
  const status = files.read("var/lib/dpkg/status");
  if (status === undefined)
    throw new OperationError("packages", root, "holds no Debian system (/var/lib/dpkg/status is missing)");
  // A system of one architecture may have no list of them; dpkg's own package is of its own.
  const listed = ports
    .latin1(files.read("var/lib/dpkg/arch") ?? new Uint8Array(0))
    .trim()
    .split("\n")[0];
  const architecture =
    listed !== undefined && listed !== ""
      ? listed
      : (/^Package: dpkg\n(?:.+\n)*?Architecture: (.+)$/m.exec(ports.latin1(status))?.[1] ?? GUEST_ARCHITECTURE);
  const system = readSystem(files, architecture, ports.latin1);
  if (system.sources.length === 0)
    system.sources.push({
      uri: hostMirror(options).uri,
      suite: DEFAULT_SUITE,
      components: ["main"],
      signedBy: undefined,
    });
  return { name: root, files, system, statusRead: ports.latin1(status) };
}

/** What the image's sources offer. A mirror that is named stands for Debian's own in the image. */
export function loadImageIndex(
  ports: NodePackagePorts,
  image: OpenSystem,
  lists: "fresh" | "kept",
  options: SourceOptions,
  onProgress: (event: Progress) => void,
): Promise<PackageIndex> {
  const named = options.mirror ?? (process.env["STRATOS_MIRROR"] || undefined);
  // Keys that the host trusts for its mirror may be needed whichever way it is named.
  const keyrings = keyringsOfHost(options);
  return loadSystemIndex(
    ports,
    image.files,
    image.system,
    {
      lists,
      mirror: named,
      keyrings,
      targetRelease: options.target,
      snapshot: options.snapshot,
      snapshots: (process.env["STRATOS_SNAPSHOTS"] || undefined) ?? readConfig(stratosHome()).snapshots,
    },
    onProgress,
  );
}

function keyringsOfHost(options: SourceOptions): Keyring[] {
  try {
    return hostMirror(options).keyrings;
  } catch (error) {
    if (error instanceof Error && error.name === "MirrorError") return [];
    throw error;
  }
}

function hostMirror(options: SourceOptions): { uri: string; keyrings: Keyring[] } {
  return findMirror({ given: options.mirror, configured: readConfig(stratosHome()).mirror });
}
