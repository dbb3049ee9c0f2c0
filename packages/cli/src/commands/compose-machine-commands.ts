/** `stratos compose boot|ssh`: a machine from what was made, at its console or by SSH. */
import { spawn } from "node:child_process";
import { endOfForeground } from "@stratos/host-node/home";
import {
  type ComposedLoginOptions,
  type ComposedMachineOptions,
  consoleCommand,
  machineOf,
  withSshMachine,
} from "@stratos/systems/composed-machine";
import { CommandError } from "../command-error.ts";
import { undoOnSignal } from "../undo-on-signal.ts";

export interface ComposeBootOptions extends ComposedMachineOptions {
  readonly net: "none" | "user";
  readonly forward: readonly { readonly host: number; readonly guest: number }[];
}

export type ComposeSshOptions = ComposedLoginOptions;

export async function bootOutput(output: string, options: ComposeBootOptions): Promise<number> {
  const machine = machineOf(output, options);
  if (options.forward.length > 0 && options.net === "none") throw new CommandError("--forward", "needs --net user");
  process.stderr.write(
    `stratos: starting ${machine.media[0]!.path}` +
      `${machine.isAccelerated === true ? "" : ", without hardware help"}; Ctrl-A X ends the ` +
      `machine${options.keep === true ? "" : ", and what it has written is gone"}\n`,
  );
  const [program, words] = consoleCommand(machine, options);
  return endOfForeground(spawn(program, words, { stdio: "inherit" }));
}

export function sshOutput(output: string, command: readonly string[], options: ComposeSshOptions): Promise<number> {
  return withSshMachine(output, options, {
    started: ({ media, isAccelerated }) =>
      void process.stderr.write(
        `stratos: starting ${media[0]!.path}` +
          `${isAccelerated === true ? "" : ", without hardware help, which takes its time"}\n`,
      ),
    said: (words) => void process.stderr.write(words),
    guard: undoOnSignal,
    loggedIn: (ssh) => endOfForeground(spawn("ssh", [...ssh, ...command], { stdio: "inherit" })),
  });
}
