/**
 * `stratos compose shell`: a root shell in what was made, without starting a machine: in namespaces where the host runs
 * its programs, else within Stratos.
 */
import { printable, utf8ToByteString } from "@stratos/base";
import { hasTerminal } from "@stratos/images/run";
import { stratosHome } from "@stratos/host-node";
import { endOfForeground } from "@stratos/host-node/home";
import { runInNamespaces, withComposedRoot, withPassingImage } from "@stratos/systems/composed-shell";
import { runHere } from "../session/run-program.ts";

export interface ComposeShellOptions {
  readonly arch?: string;
}

export function shellInOutput(
  output: string,
  command: readonly string[],
  { arch }: ComposeShellOptions,
): Promise<number> {
  const home = stratosHome();
  return withComposedRoot({ output, architecture: arch, home }, ({ source, runner, elsewhere }) => {
    if (elsewhere.length > 0)
      process.stderr.write(
        `stratos: ${elsewhere.map(printable).join(", ")}: on partitions of their own, and empty here; ` +
          "`stratos compose boot` has all\n",
      );
    return runner === "host"
      ? runInNamespaces(source, command, endOfForeground)
      : withPassingImage(source, home, (image) => stratosShell(image, command));
  });
}

function stratosShell(image: string, command: readonly string[]): Promise<number> {
  const [program] = command;
  return runHere(
    (user) => {
      if (program !== undefined) return { program: utf8ToByteString(program), argv: command.map(utf8ToByteString) };
      const shell = user.shell.slice(user.shell.lastIndexOf("/") + 1);
      return { program: user.shell, argv: [hasTerminal() ? `-${shell}` : shell] };
    },
    { image, env: [], volume: [], net: "none", publish: [], workdir: "/root" },
  );
}
