/** What an engine needs of a computer that runs Node. */
import { statSync } from "node:fs";
import { MOUNT_ERROR_WORDS } from "@stratos/aegisfs";
import { utf8Of } from "@stratos/base";
import type { Clock, CodeArchive, MachinePorts, SocketProvider } from "@stratos/host";
import { FileLockedError, nodePorts, NodeClock, NodeSocketProvider, stratosHome } from "@stratos/host-node";
import { mountDevices, offerNodeLanes, openVolumeDevices, PassphraseError } from "@stratos/tools-node/volumes";
import { hostReason } from "@stratos/host-node/home";
import {
  cloneVolume,
  watchedLayers,
  defaultImage,
  hostFolders,
  type ImageEntry,
  ImageStore,
  layerContent,
  openVolumeReadOnly,
} from "@stratos/images";
import { keptTranslations } from "@stratos/images/translations";
import { OperationError, type OperationFailure } from "@stratos/operation";
import type {
  CheckpointFiles,
  CloneUse,
  EngineHost,
  OpenedImage,
  OpenedRoot,
  OpenImageRequest,
  OpenVolumeRequest,
  OpenDisplay,
  RecordingFiles,
  TlsHost,
  Work,
} from "@stratos/sdk";
import { type FailureData, type FailureKind, type Mount, type PortMapping, StratosError } from "@stratos/sdk/api";
import type { HostFolder } from "@stratos/session";
import { checkpointFiles } from "./checkpoint-files.ts";
import { recordingFiles } from "./recording-files.ts";
import { textOf } from "./text-of.ts";
import { nodeTls } from "./tls/tls-gateway.ts";

export class NodeEngineHost implements EngineHost {
  readonly clock: Clock = new NodeClock();
  readonly checkpoints: CheckpointFiles = checkpointFiles;
  readonly recordings: RecordingFiles = recordingFiles;
  readonly tls: TlsHost = nodeTls;

  /**
   * In the engine's own process what is saved lies in shared memory, which V8 does not count: for 275 MB of its heap it
   * would first collect all garbage, and every program would stand still. What leaves a thread is handed over whole,
   * and shared memory can't be.
   */
  readonly savedBytes?: (length: number) => Uint8Array;

  constructor({ hasOwnProcess = false } = {}) {
    offerNodeLanes();
    if (hasOwnProcess) this.savedBytes = (length) => new Uint8Array(new SharedArrayBuffer(length));
  }

  get ports(): MachinePorts {
    return nodePorts();
  }

  codeArchive(home: string = stratosHome()): CodeArchive | undefined {
    return keptTranslations(home);
  }

  async openImage(request: OpenImageRequest, use: CloneUse | "read", work: Work): Promise<OpenedImage> {
    const home = request.home ?? stratosHome();
    const name = textOf(request.image ?? defaultImage(home), "image");
    return translated(name, async () => {
      const store = new ImageStore(home);
      const entry = store.find(name) ?? (await this.#make(name, home, request, work));
      const layers = store.layerPaths(entry);
      const opened =
        use === "read"
          ? { ...openVolumeReadOnly(layers), changes: null, fork: undefined }
          : cloneVolume(
              use.reads === undefined ? layers : watchedLayers(layers, use.reads),
              use.cloneBytes,
              use.changes,
            );
      const { architecture, suite, createdAt, packages } = entry.description;
      return {
        volume: opened.volume,
        changes: opened.changes,
        ...(opened.fork === undefined ? {} : { fork: opened.fork }),
        close: () => opened.close(),
        identity: layers.map(identityOf).join(" "),
        content: () => layerContent(layers),
        layers: entry.description.layers,
        info: { name, architecture, suite, createdAt, packages, sizeBytes: entry.sizeBytes },
      };
    });
  }

  async #make(name: string, home: string, { pull }: OpenImageRequest, work: Work): Promise<ImageEntry> {
    if (pull === undefined || pull === false)
      throw new StratosError("no-image", `${name}: no such image; \`pull\` makes it`, { image: name });
    // What makes images is needed once in a while.
    const { makeImage } = await import("./make-image.ts");
    await makeImage(name, home, pull === true ? {} : pull, work);
    work.check();
    return new ImageStore(home).require(name);
  }

  openVolume({ path: place, readOnly = false, passphrase }: OpenVolumeRequest): OpenedRoot {
    const path = textOf(place, "path");
    const fail = (why: string): StratosError => new StratosError("volume", `${path}: ${why}`, { path });
    let devices;
    try {
      devices = openVolumeDevices(path, {
        readOnly,
        ...(passphrase === undefined ? {} : { given: utf8Of(passphrase) }),
      });
    } catch (error) {
      if (error instanceof FileLockedError)
        throw new StratosError("in-use", `${path}: in use by process ${error.owner}`, { path });
      throw fail(error instanceof PassphraseError ? error.message : hostReason(error));
    }
    const volume = mountDevices(devices, { readOnly, seconds: Math.floor(this.clock.realtimeMs() / 1000) });
    if (typeof volume !== "string" && (readOnly || !volume.readOnly)) return { volume, close: () => devices.close() };
    devices.close();
    throw fail(
      typeof volume === "string"
        ? MOUNT_ERROR_WORDS[volume]
        : "the volume has features that this version would break: it can be read only",
    );
  }

  openNetwork(ports: readonly PortMapping[]): SocketProvider {
    return new NodeSocketProvider({
      published: ports.map(({ host, guest, protocol = "tcp", address }) => ({
        type: protocol === "udp" ? "datagram" : "stream",
        hostAddress: address ?? null,
        hostPort: host,
        guestPort: guest,
      })),
    });
  }

  /** Few have one. */
  async displays(): Promise<OpenDisplay> {
    const { MachineDisplay } = await import("@stratos/display");
    return (session, user) => new MachineDisplay(session, user);
  }

  hostFolders(mounts: readonly Mount[]): HostFolder[] {
    return mounts.map(({ host, guest, readOnly = false }) => {
      try {
        return hostFolders([{ host, guest, isReadOnly: readOnly }])[0]!;
      } catch (error) {
        throw new StratosError("mount", (error as Error).message, { place: host });
      }
    });
  }
}

/** Layers are never changed in place, so a file's identity is its content's. */
function identityOf(path: string): string {
  const { dev, ino, size, mtimeNs } = statSync(path, { bigint: true });
  return `${dev}:${ino}:${size}:${mtimeNs}`;
}

/** Failures of operations are the library's. @param name  of the image that it is about */
async function translated<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    throw KINDS[error.kind](error, name);
  }
}

const of =
  <Kind extends FailureKind>(kind: Kind, data: (error: OperationError, image: string) => FailureData[Kind]) =>
  (error: OperationError, image: string): StratosError =>
    new StratosError(kind, error.message, data(error, image));
const ofImage = of("image", (_, image) => ({ image }));

const KINDS: Readonly<Record<OperationFailure, (error: OperationError, image: string) => StratosError>> = {
  option: of("option", ({ what }) => ({ option: what })),
  "no-image": of("no-image", (_, image) => ({ image })),
  image: ofImage,
  volume: ofImage,
  "in-use": of("in-use", ({ what }) => ({ path: what })),
  packages: ofImage,
  build: ofImage,
  program: ofImage,
  recording: ofImage,
  replay: ofImage,
  hub: ofImage,
  internal: ofImage,
  command: ofImage,
};
