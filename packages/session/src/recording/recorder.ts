/** Writes down what a run gets from outside: its folders and its gate are by way of this. */
import { CALL_WORK } from "@stratos/kernel";
import type { HostFolder } from "../host-folders.ts";
import type { MachineSession } from "../machine-session.ts";
import { AnsweredFolder } from "./answered-folder.ts";
import { tellAnswers } from "./host-answers.ts";
import { InputGate } from "./input-gate.ts";
import { type RecordedAnswer, type RecordingHeader, RecordingWriter } from "./recording-format.ts";

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

type RecordedRun = Omit<RecordingHeader, "format" | "callWork" | "folders">;

export class Recorder {
  /** What the run is to have instead of the folders that were given. */
  readonly folders: readonly HostFolder[];
  readonly #writer: RecordingWriter;
  #gate: InputGate | null = null;
  #isOver = false;

  /** @param options.write  takes the recording a line at a time */
  constructor(
    run: RecordedRun,
    options: { readonly folders: readonly HostFolder[]; readonly write: (line: Uint8Array) => void },
  ) {
    const folders = options.folders.map(({ tree, ...folder }) => ({ ...folder, isReadOnly: tree.readOnly }));
    const header = { format: "stratos-recording-3", callWork: CALL_WORK, ...run, folders } as const;
    this.#writer = new RecordingWriter(header, options.write);
    // What is still written to the folders when the program has ended is of no recording.
    this.folders = toldFolders(options.folders, (answer) => this.#isOver || this.#writer.add(answer));
  }

  /** The gate of the run, which it makes. */
  attach(session: MachineSession): InputGate {
    const gate = new InputGate(session);
    gate.record((event) => this.#writer.add(event));
    session.pump.gate = gate;
    return (this.#gate = gate);
  }

  end(status: number): void {
    this.#writer.add(this.#gate!.end(status));
    this.#isOver = true;
  }
}
