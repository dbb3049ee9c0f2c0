/** Writes down what a run gets from outside: its folders and its gate are by way of this. */
import type { SocketProvider } from "@stratos/host";
import { CALL_WORK } from "@stratos/kernel";
import type { HostFolder } from "../host-folders.ts";
import type { MachineSession } from "../machine-session.ts";
import { AnsweredFolder } from "./answered-folder.ts";
import { AnsweredSockets } from "./answered-sockets.ts";
import { tellAnswers } from "./host-answers.ts";
import { InputGate } from "./input-gate.ts";
import { type RecordedAnswer, type RecordingHeader, RecordingWriter } from "./recording-format.ts";
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

type RecordedRun = Omit<RecordingHeader, "format" | "callWork" | "folders" | "network">;

interface RecorderOptions {
  readonly folders: readonly HostFolder[];
  /** null: none. */
  readonly network: SocketProvider | null;
  /** The host's time. */
  readonly nowMs: () => number;
  /** Takes the recording a line at a time. */
  readonly write: (line: Uint8Array) => void;
}

export class Recorder {
  /** What the run is to have instead of the folders that were given. */
  readonly folders: readonly HostFolder[];
  /** … and instead of its network; null: it has none. */
  readonly sockets: AnsweredSockets | null;
  readonly #nowMs: () => number;
  readonly #writer: RecordingWriter;
  #gate: InputGate | null = null;
  #isOver = false;

  constructor(run: RecordedRun, options: RecorderOptions) {
    const folders = options.folders.map(({ tree, ...folder }) => ({ ...folder, isReadOnly: tree.readOnly }));
    const network = options.network === null ? null : networkOf(options.network);
    const header: RecordingHeader = {
      ...{ format: network === null ? "stratos-recording-3" : "stratos-recording-4", callWork: CALL_WORK },
      ...run,
      folders,
      ...(network === null ? {} : { network }),
    };
    this.#nowMs = options.nowMs;
    this.#writer = new RecordingWriter(header, options.write);
    // What is still written to the folders when the program has ended is of no recording.
    const tell = (answer: RecordedAnswer): unknown => this.#isOver || this.#writer.add(answer);
    this.folders = toldFolders(options.folders, tell);
    this.sockets = network === null ? null : new AnsweredSockets(tellAnswers(tell), network, options.network);
  }

  /** The gate of the run, which it makes. */
  attach(session: MachineSession): InputGate {
    const gate = new InputGate(session, this.#nowMs);
    if (this.sockets !== null) gate.useSockets(this.sockets);
    gate.record((event) => this.#writer.add(event));
    session.pump.gate = gate;
    return (this.#gate = gate);
  }

  end(status: number): void {
    this.#writer.add(this.#gate!.end(status));
    this.#isOver = true;
  }
}

function networkOf(host: SocketProvider): RecordedNetwork {
  return { nameServers: host.nameServers(), addresses: host.localAddresses() };
}
