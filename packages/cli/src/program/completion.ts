/**
 * Completion scripts for bash, zsh and fish, derived from the command tree. Names of images and systems are completed
 * by asking `stratos image ls` and `stratos ps`.
 */
import type { Command } from "commander";
import { bashCompletion } from "./completion-bash.ts";
import { fishCompletion } from "./completion-fish.ts";
import { completionPlaces } from "./completion-places.ts";

export const COMPLETION_SHELLS = ["bash", "zsh", "fish"] as const;
type CompletionShell = (typeof COMPLETION_SHELLS)[number];

const ZSH_HEAD = "#compdef stratos\nautoload -U +X bashcompinit && bashcompinit\n";
/** A file of zsh's fpath is run by the first Tab, which it is to answer, too. */
const ZSH_AUTOLOADED = "if [[ ${funcstack[1]} == _stratos ]]; then _bash_complete -o bashdefault -F _stratos; fi\n";

export function completionScript(program: Command, shell: CompletionShell): string {
  const places = completionPlaces(program);
  switch (shell) {
    case "bash":
      return bashCompletion(places);
    case "zsh":
      return `${ZSH_HEAD}${bashCompletion(places)}${ZSH_AUTOLOADED}`;
    case "fish":
      return fishCompletion(places);
  }
}
