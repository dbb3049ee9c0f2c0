/** Opens what a tab's machine is made of: the pack's image, and where what programs write goes. */
import { GUEST_LIMITS, mountOverlay, MOUNT_ERROR_WORDS, type Volume } from "@stratos/aegisfs";
import { MemoryBlockDevice } from "@stratos/host";
import {
  browserClock,
  BrowserEventLoop,
  fetchDescription,
  OpfsBlockDevice,
  type PieceStore,
  RelaySockets,
  type Running,
  RunningFiles,
  SavedChanges,
  WebPack,
} from "@stratos/host-browser";
import type { Told, Where } from "./messages.ts";
import { SystemFiles } from "./system-files.ts";

/** What a machine of a tab stands on. */
export interface SystemParts {
  /** Null: the browser gives this page no files. */
  readonly files: SystemFiles | null;
  readonly store: PieceStore | null;
  readonly pack: WebPack;
  /** Null: what is written goes with the tab. */
  readonly changes: SavedChanges | null;
  readonly volume: Volume;
  /** Where what runs is kept; null: it goes with the tab. */
  readonly running: RunningFiles | null;
  /** What programs reach outside, once a relay is set. */
  readonly sockets: RelaySockets;
}

interface OpenedSystem extends SystemParts {
  /** What ran when the tab before this one was left; its files are these. */
  readonly left: Running | null;
}

/**
 * @param tell  the page, of what is done
 * @param page  what ran before may go on, if it was that page's
 * @throws Error with words for people
 */
export async function openSystem(where: Where, tell: (message: Told) => void, page: string): Promise<OpenedSystem> {
  const { keeping } = where;
  const files = keeping === "memory" ? null : await SystemFiles.open(where.folder);
  if (keeping === "files") await files!.removeCopies();
  const store = keeping === "files" ? await files!.pieces() : null;
  const kept = store ?? new Map<string, Uint8Array>();
  const known = (await files?.readHead()) ?? null;
  tell({ kind: "progress", words: known === null ? "fetching the image's index …" : "opening the image …" });
  const pack = await WebPack.open(where.image, known, {
    kept: {
      has: (hash) => kept.has(hash),
      get: (hash) => kept.get(hash) ?? null,
      // Without files of the origin the browser's own cache has to do.
      put: (hash, bytes) => store?.put(hash, bytes),
    },
    zstdUrl: where.zstdUrl,
    onWaiting: (words) => tell({ kind: "waiting", words }),
  });
  if (known === null && keeping === "files") await files!.writeHead(pack.head);
  const [first] = pack.head.index.groups;
  if (first !== undefined && store?.has(first.hash) !== true)
    tell({ kind: "progress", words: `fetching what the shell needs (${(first.stored / 1e6).toFixed(1)} MB) …` });
  await pack.prefetch(1);
  const running = keeping === "files" ? await files!.running() : null;
  const hasAny = running?.hasAny === true;
  const changes = keeping === "files" ? await openChanges(files!, pack, hasAny) : null;
  const mark = changes?.mark ?? null;
  const left = mark === null ? null : (running?.read(mark, page) ?? null);
  if (hasAny && left === null) {
    const why = mark === null ? "files wait to be written" : running!.whyNot(mark, page);
    if (why !== null) tell({ kind: "told", words: `what ran before cannot go on: ${why}` });
    changes!.volume.root.freeOrphans();
  }
  const volume = changes?.volume ?? (await openVolatile(where, files, pack));
  if (known !== null) tellNews(where.image, pack, tell).catch(() => {}); // Nobody has to have a network.
  return { files, store, pack, changes, running, left, volume, sockets: openNetwork(where, tell) };
}

function openNetwork({ relay }: Where, tell: (message: Told) => void): RelaySockets {
  let wasTold = false;
  const sockets = new RelaySockets({
    loop: new BrowserEventLoop(),
    open: (url, protocols) => new WebSocket(url, protocols),
    onState: (state) => tell({ kind: "relay", state }),
    onUnset() {
      if (wasTold) return;
      wasTold = true;
      tell({
        kind: "told",
        words: "a program wants the network, which this tab has none of: Network … at the terminal says how",
      });
    },
  });
  if (relay !== null) sockets.configure(relay);
  return sockets;
}

async function openChanges(files: SystemFiles, pack: WebPack, keepsOrphans: boolean): Promise<SavedChanges> {
  const handle = await files.handle("changes");
  try {
    return SavedChanges.open(pack.devices, handle, pack.codecs, keepsOrphans);
  } catch (error) {
    handle.close();
    throw error;
  }
}

/** What is written goes with the tab. */
async function openVolatile(where: Where, files: SystemFiles | null, pack: WebPack): Promise<Volume> {
  const bases = [...pack.devices];
  if (where.keeping === "copy") {
    const handle = await files!.handle(where.copy);
    bases.push(new OpfsBlockDevice(handle, { readOnly: true }));
  }
  const seconds = Math.floor(browserClock.realtimeMs() / 1000);
  const options = { ...GUEST_LIMITS, volatile: true, seconds, codecs: pack.codecs };
  const volume = mountOverlay(bases, new MemoryBlockDevice(where.memoryBytes), options);
  if (typeof volume === "string") throw new Error(`the image cannot be opened: ${MOUNT_ERROR_WORDS[volume]}`);
  return volume;
}

async function tellNews(image: string, pack: WebPack, tell: (message: Told) => void): Promise<void> {
  const { content } = await fetchDescription(image);
  if (content !== pack.head.description.content)
    tell({ kind: "told", words: "the server has a newer image: a reset takes it, and gives up your files" });
}
