/** The machine of a system while it has one, in its process, and the program that it is there for. */
import { type Beginning, GoingProgram, type ProgramListener } from "./going-program.ts";
import type { MachineProcess, OpenedMachine } from "./machine-process.ts";

export class RunningSystem extends GoingProgram {
  readonly process: MachineProcess;

  constructor({ process, target }: OpenedMachine, beginning: Beginning, listener: ProgramListener) {
    super(process.engine, target, beginning, listener);
    this.process = process;
  }

  /** Ends the machine. */
  close(): Promise<void> {
    return this.process.close(this.target);
  }
}
