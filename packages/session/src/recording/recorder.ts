/** Writes down what a run gets from outside: its folders and its gate are by way of this. */
import type { Volume } from "@stratos/aegisfs";
import type { EventLoop, SocketProvider } from "@stratos/host";
import type { HostFolder } from "../host-folders.ts";
import type { MachineSession } from "../machine-session.ts";
import { AnsweredFolder } from "./answered-folder.ts";
import { AnsweredSockets } from "./answered-sockets.ts";
import { tellAnswers } from "./host-answers.ts";
import type { ImageReads } from "./image-blocks.ts";
import { InputGate } from "./input-gate.ts";
import type { RecordedAnswer, RecordedEntry } from "./recording-format.ts";
import { type RecordedRun, type RecordingSink, RecordingWriter } from "./recording-writer.ts";
import type { RecordedNetwork } from "./socket-news.ts";

/** The same folders, and each answer of theirs is told. */
export function toldFolders(
  folders: readonly HostFolder[],
  tell: (answer: RecordedAnswer) => unknown,
): readonly HostFolder[] {
  const answers = tellAnswers(tell);
  return folders.map((folder) => ({
    ...folder,
    tree: new AnsweredFolder(answers, {
      name: folder.name,
      file: folder.file,
      isReadOnly: folder.tree.readOnly,
      host: folder.tree,
    }),
  }));
}

/** What a recorder that is killed loses at most: what has come in so many milliseconds. */
const FLUSH_MS = 250;

interface RecorderOptions extends RecordingSink {
  readonly folders: readonly HostFolder[];
  /** null: none. */
  readonly network: SocketProvider | null;
  /** The host's time, and what has come is written in time. */
  readonly loop: EventLoop;
  /** What the run reads of its image, which lies in the recording then; absent: its image is what it is repeated on. */
  readonly image?: { readonly reads: ImageReads; readonly volume: Volume } | undefined;
}

export class Recorder {
  /** What the run is to have instead of the folders that were given. */
  readonly folders: readonly HostFolder[];
  /** … and instead of its network; null: it has none. */
  readonly sockets: AnsweredSockets | null;
  readonly #loop: EventLoop;
  readonly #writer: RecordingWriter;
  readonly #image: RecorderOptions["image"];
  #session: MachineSession | null = null;
  #gate: InputGate | null = null;
  #isOver = false;
  /** Its end was written. */
  isEnded = false;
  /** Takes the next flush back. */
  #leaveFlush: (() => void) | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(run: Omit<RecordedRun, "folders" | "network">, options: RecorderOptions) {
    const folders = options.folders.map(({ tree, ...folder }) => ({ ...folder, isReadOnly: tree.readOnly }));
    const network = options.network === null ? null : networkOf(options.network);
    this.#loop = options.loop;
    this.#image = options.image;
    this.#writer = new RecordingWriter({ ...run, folders, ...(network === null ? {} : { network }) }, options);
    // What is still written to the folders when the program has ended is of no recording.
    const tell = (answer: RecordedAnswer): unknown => this.#isOver || this.#add(answer);
    this.folders = toldFolders(options.folders, tell);
    this.sockets = network === null ? null : new AnsweredSockets(tellAnswers(tell), network, options.network);
  }

  /** The gate of the run, which it makes. */
  attach(session: MachineSession): InputGate {
    const gate = new InputGate(session, () => this.#loop.nowMs());
    if (this.sockets !== null) gate.useSockets(this.sockets);
    gate.record((event) => this.#add(event));
    session.pump.gate = gate;
    this.#session = session;
    return (this.#gate = gate);
  }

  /** @throws what `write` does */
  end(status: number): void {
    this.#add(this.#gate!.end(status));
    this.#image?.reads.addTo(this.#writer, this.#session!, this.#image.volume);
    this.isEnded = true;
    this.stop();
  }

  /** Its run has done something. */
  get hasBegun(): boolean {
    return this.#gate !== null && this.#gate.moment.instructions > 0;
  }

  /** Nothing more is written. */
  stop(): void {
    this.#leaveFlush?.();
    this.#isOver = true;
  }

  #add(entry: RecordedEntry): void {
    // What the host could not take when nobody of the run was there to hear of it.
    if (this.#failure !== null) throw this.#failure.error;
    this.#writer.add(entry);
    if (this.#writer.hasRest) this.#leaveFlush ??= this.#loop.callLater(FLUSH_MS, () => this.#flush());
  }

  #flush(): void {
    this.#leaveFlush = null;
    try {
      this.#writer.flush();
    } catch (error) {
      this.#failure = { error };
    }
  }
}

function networkOf(host: SocketProvider): RecordedNetwork {
  return { nameServers: host.nameServers(), addresses: host.localAddresses() };
}
